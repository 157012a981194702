package com.example.phone

import android.os.Bundle
import androidx.test.ext.junit.runners.AndroidJUnit4
import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer
import java.security.MessageDigest
import org.json.JSONObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith

/** What the generated tests make of accelerators that refuse, throw, hang or err: stand-ins. */
@RunWith(AndroidJUnit4::class)
class AcceleratorCheckTest {
    @get:Rule val folder = TemporaryFolder()

    private val golden = floats(1f, 2f, 3f, 4f)
    private val assets = mutableMapOf("model" to byteArrayOf(1, 2), "x" to golden, "y" to golden)

    @Test
    fun rightAnswersPassAndAreWritten() {
        val result = check(FakeLoader { it })
        assertEquals("", result.reason)
        assertEquals(Status.PASS, result.status)
        assertEquals(2, result.samples)
        assertEquals(200.0, result.metrics.getValue("y").snrDb, 0.0)
        assertArrayEquals(golden, folder.root.resolve("tflite-fp32.gpu.output-0.bin").readBytes())
        val description = JSONObject(folder.root.resolve("tflite-fp32.gpu.json").readText())
        assertEquals(2, description.getInt("runs"))
        assertEquals(sha256(assets.getValue("model")), description.getString("sha256"))
    }

    @Test
    fun wrongAnswersFailAndAreWrittenToo() {
        val result = check(FakeLoader { values -> values.map { 2 * it }.toFloatArray() })
        assertEquals(Status.FAIL, result.status)
        assertEquals("Out of budget: snr_db 0.000 is below 20.00.", result.reason)
        assertTrue(folder.root.resolve("tflite-fp32.gpu.json").exists())
    }

    @Test
    fun answersThatAreNoNumbersFail() {
        val result = check(FakeLoader { floatArrayOf(Float.NaN, it[1]) })
        assertEquals(Status.FAIL, result.status)
        assertEquals(
            "Output 'y' cannot be compared: 2 values of 4 are NaN or Inf.",
            result.reason,
        )
    }

    @Test
    fun whatIsNotThereDoesNotRun() {
        val result = check(FakeLoader(unavailable = "There is no GPU.") { it })
        assertEquals(Status.NOT_RUN, result.status)
        assertEquals("There is no GPU.", result.reason)
        assertTrue(result.metrics.isEmpty())
    }

    @Test
    fun anAcceleratorMayRefuseAModelAndTheProcessorMayNot() {
        val loader = FakeLoader(refusal = ModelRunException("No SOFTMAX here.")) { it }
        val refused = check(loader)
        assertEquals(Status.NOT_RUN, refused.status)
        assertEquals(
            "GPU does not take the model here: ModelRunException: No SOFTMAX here.",
            refused.reason,
        )
        val failed = check(loader, accelerator = Accelerator.CPU)
        assertEquals(Status.FAIL, failed.status)
        assertEquals("It failed: ModelRunException: No SOFTMAX here.", failed.reason)
    }

    @Test
    fun aRunThatThrowsFails() {
        val result = check(FakeLoader { throw UnsatisfiedLinkError("libOpenCL.so") })
        assertEquals(Status.FAIL, result.status)
        assertEquals("It failed: UnsatisfiedLinkError: libOpenCL.so.", result.reason)
        assertFalse(folder.root.resolve("tflite-fp32.gpu.json").exists())
    }

    @Test
    fun aRunThatHangsFailsInTime() {
        val result = check(FakeLoader { it.also { Thread.sleep(60_000) } }, seconds = 1)
        assertEquals(Status.FAIL, result.status)
        assertEquals("It was not done within 1 s.", result.reason)
    }

    @Test
    fun anAssetThatIsAnotherFails() {
        val result = check(FakeLoader { it }, sha256 = "0".repeat(64))
        assertEquals(Status.FAIL, result.status)
        assertTrue(result.reason, result.reason.startsWith("It failed: CorruptedModelException: "))
    }

    @Test
    fun withoutABudgetNothingPasses() {
        val result = check(FakeLoader { it }, budget = Budget())
        assertEquals(Status.FAIL, result.status)
        assertEquals("Nothing says how close its answers have to be.", result.reason)
    }

    @Test
    fun onlyWhatIsRightIsTimed() {
        var times = 0
        check(FakeLoader { it }, more = { times++ })
        assertEquals(1, times)
        check(FakeLoader { floatArrayOf(0f, 0f) }, more = { times++ })
        assertEquals(1, times)
    }

    @Test
    fun givenInputsAreAnsweredInsteadOfTheGoldens() {
        val inputs = floats(5f, 6f, 7f, 8f, 9f, 10f)
        val result = check(FakeLoader { it }, inputs = given("x", inputs))
        assertEquals("", result.reason)
        assertArrayEquals(inputs, folder.root.resolve("tflite-fp32.gpu.output-0.bin").readBytes())
    }

    @Test
    fun givenInputsThatDoNotFitAreRefused() {
        val cut = check(FakeLoader { it }, inputs = given("x", floats(5f)))
        assertEquals(Status.FAIL, cut.status)
        assertTrue(cut.reason, "has 4 bytes, and a run takes 8" in cut.reason)
        val other = check(FakeLoader { it }, inputs = given("z", golden))
        assertTrue(other.reason, "another model's: they lack 'x'" in other.reason)
    }

    @Test
    fun valuesOfEveryTypeComeOutAsTheyWentIn() {
        val bytes = byteArrayOf(1, 0, 1, 1, 0, 1, 0, 1)
        val stored = ByteBuffer.wrap(bytes)
        for (dtype in DType.entries) {
            val values = TensorValues(dtype, bytes.size / dtype.bytes)
            values.take(stored)
            val out = ByteBuffer.allocate(bytes.size)
            values.put(out)
            assertArrayEquals("$dtype", bytes, out.array())
        }
    }

    @Test
    fun argumentsChooseAndUnknownOnesAreNamed() {
        val spec = spec(Budget(snrDb = 20.0), sha256(assets.getValue("model")))
        val all = arguments(spec)
        assertEquals(Accelerator.entries.toList(), all.accelerators)
        assertEquals(folder.root.resolve("mobilekit"), all.output)
        val some = arguments(spec, "accelerator" to "gpu, cpu", "additionalTestOutputDir" to "/out")
        assertEquals(listOf(Accelerator.GPU, Accelerator.CPU), some.accelerators)
        assertEquals(File("/out"), some.output)
        val error = assertThrows(IllegalArgumentException::class.java) {
            arguments(spec, "variant" to "tflite-int8")
        }
        assertEquals("There is no variant 'tflite-int8'. Known: tflite-fp32.", error.message)
    }

    private fun check(
        loader: EngineLoader,
        accelerator: Accelerator = Accelerator.GPU,
        budget: Budget = Budget(snrDb = 20.0),
        sha256: String = sha256(assets.getValue("model")),
        seconds: Int = 60,
        inputs: File? = null,
        more: () -> Unit = {},
    ): CheckResult {
        val spec = spec(budget, sha256)
        val given = listOfNotNull(
            "output" to folder.root.path,
            "seconds" to "$seconds",
            inputs?.let { "inputs" to it.path },
        )
        val check =
            AcceleratorCheck(spec, MapAssets(assets), loader, arguments(spec, *given.toTypedArray()))
        return check.run(spec.artifacts.single(), accelerator) { _, _ -> more() }
    }

    private fun arguments(spec: ModelSpec, vararg given: Pair<String, String>): TestArguments {
        val bundle = Bundle()
        for ((name, value) in given) bundle.putString(name, value)
        return TestArguments(bundle, folder.root, spec)
    }

    private fun spec(budget: Budget, sha256: String): ModelSpec {
        fun tensor(name: String) = TensorSpec(name, listOf(1, 2), DType.FLOAT32)
        val artifact = ArtifactSpec(
            variant = "tflite-fp32",
            asset = "model",
            sha256 = sha256,
            bytes = 2,
            inputs = listOf(StoredTensor("x", 0, DType.FLOAT32)),
            outputs = listOf(StoredTensor("y", 0, DType.FLOAT32)),
            budgets = Accelerator.entries.associateWith { budget },
        )
        val golden = GoldenSpec(2, listOf("x"), listOf("y"))
        return ModelSpec(
            "Fake", listOf(tensor("x")), listOf(tensor("y")), listOf(artifact), golden,
        )
    }

    /** A folder of inputs as mobilekit sends them. */
    private fun given(name: String, content: ByteArray): File {
        val given = folder.newFolder()
        given.resolve("values.bin").writeBytes(content)
        given.resolve("golden.json").writeText(
            """{"schema": "mobilekit/golden/1", "inputs": [{"name": "$name", "file": "values.bin"}]}"""
        )
        return given
    }

    private fun sha256(content: ByteArray): String =
        MessageDigest.getInstance("SHA-256").digest(content).joinToString("") { "%02x".format(it) }

    private fun floats(vararg values: Float): ByteArray {
        val bytes = ByteBuffer.allocate(4 * values.size).order(java.nio.ByteOrder.LITTLE_ENDIAN)
        bytes.asFloatBuffer().put(values)
        return bytes.array()
    }
}

private class MapAssets(private val content: Map<String, ByteArray>) : ModelAssets {
    override fun open(path: String): InputStream = content.getValue(path).inputStream()

    override fun map(path: String): ByteBuffer = ByteBuffer.wrap(content.getValue(path))
}

/** A runtime whose engines compute a function. */
private class FakeLoader(
    private val unavailable: String? = null,
    private val refusal: Exception? = null,
    private val function: (FloatArray) -> FloatArray,
) : EngineLoader {
    override val runtime: String = "Fake 1"

    override fun unavailable(accelerator: Accelerator): String? = unavailable

    override fun isBoundToThread(accelerator: Accelerator): Boolean = false

    override fun load(artifact: ArtifactSpec, accelerator: Accelerator): Engine {
        refusal?.let { throw it }
        return FakeEngine(function)
    }
}

private class FakeEngine(private val function: (FloatArray) -> FloatArray) : Engine {
    private var values = FloatArray(0)

    override fun write(input: Int, values: FloatArray) {
        this.values = values.copyOf()
    }

    override fun invoke() {
        values = function(values)
    }

    override fun read(output: Int, into: FloatArray) {
        values.copyInto(into)
    }

    override fun write(input: Int, values: IntArray) = error("It takes floats.")

    override fun write(input: Int, values: LongArray) = error("It takes floats.")

    override fun write(input: Int, values: ByteArray) = error("It takes floats.")

    override fun write(input: Int, values: ShortArray) = error("It takes floats.")

    override fun write(input: Int, values: BooleanArray) = error("It takes floats.")

    override fun read(output: Int, into: IntArray) = error("It gives floats.")

    override fun read(output: Int, into: LongArray) = error("It gives floats.")

    override fun read(output: Int, into: ByteArray) = error("It gives floats.")

    override fun read(output: Int, into: ShortArray) = error("It gives floats.")

    override fun read(output: Int, into: BooleanArray) = error("It gives floats.")

    override fun close() = Unit
}
