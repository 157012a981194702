package com.example.digits

import com.example.digits.Accelerator.CPU
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Assets that are not what the module was built with, and goldens of any type and batch. */
class AssetsTest {
    @get:Rule val folder = TemporaryFolder()

    private val app by lazy { FakeApp(folder.root) }

    @Test fun `a model file that was cut short is refused`() {
        val whole = app.assets.files.getValue("fp32.tflite")
        app.assets.files["fp32.tflite"] = whole.copyOf(100_000)
        val failure = assertThrows(CorruptedModelException::class.java) { app.choose() }
        assertEquals("fp32.tflite", failure.asset)
        assertEquals("${whole.size} bytes", failure.expected)
        assertEquals("100000 bytes", failure.found)
        assertEquals(
            "The asset fp32.tflite is not the one that the app was built with: expected " +
                "${whole.size} bytes, found 100000 bytes. Build and install the app again.",
            failure.message,
        )
        assertEquals(emptyList<Any>(), app.device.loaded)
    }

    @Test fun `another model file of the same length is refused`() {
        app.assets.files.getValue("fp32.tflite")[70_000]++
        val failure = assertThrows(CorruptedModelException::class.java) { app.choose() }
        assertEquals("the sha256 ${app.spec.artifacts.single().sha256}", failure.expected)
        assertTrue(failure.found, Regex("the sha256 [0-9a-f]{64}").matches(failure.found))
        assertEquals(emptyList<Any>(), app.device.loaded)
    }

    @Test fun `a model file that is missing is refused`() {
        app.assets.files.remove("fp32.tflite")
        val failure = assertThrows(CorruptedModelException::class.java) { app.choose() }
        assertEquals("none: java.io.FileNotFoundException: fp32.tflite", failure.found)
    }

    @Test fun `a model file that was damaged after the choice is refused`() {
        app.choose()
        app.assets.files.getValue("fp32.tflite")[0]++
        assertThrows(CorruptedModelException::class.java) { app.choose() }
    }

    @Test fun `each model file that is tried is checked`() {
        val app = FakeApp(folder.root, "fp32", "int8")
        app.assets.files.getValue("int8.tflite")[0]++
        val failure = assertThrows(CorruptedModelException::class.java) { app.choose() }
        assertEquals("int8.tflite", failure.asset)
        assertEquals("nothing stays loaded", 0, app.device.open.size)
    }

    @Test fun `a golden that was cut short is refused`() {
        for (asset in listOf("golden/input-0.bin", "golden/output-0.bin")) {
            val app = FakeApp(folder.root)
            val whole = app.assets.files.getValue(asset)
            app.assets.files[asset] = whole.copyOf(whole.size - 1)
            val failure = assertThrows(CorruptedModelException::class.java) { app.choose() }
            assertEquals(asset, failure.asset)
            assertEquals("${whole.size} bytes", failure.expected)
        }
    }

    @Test fun `a golden that is missing is refused`() {
        app.assets.files.remove("golden/output-0.bin")
        assertThrows(CorruptedModelException::class.java) { app.choose() }
    }

    @Test fun `a golden with NaN lets nothing pass`() {
        val golden = app.assets.files.getValue("golden/output-0.bin")
        ByteBuffer.wrap(golden).order(ByteOrder.LITTLE_ENDIAN).putFloat(8, Float.NaN)
        val choice = app.choose()
        assertEquals(CPU to false, choice.accelerator to choice.isCorrect)
    }

    @Test fun `values of every type go in and come out`() {
        assertRoundTrip(DType.FLOAT32, floatArrayOf(0.5f, -2f), 0.5, -2.0) {
            putFloat(it.toFloat())
        }
        assertRoundTrip(DType.INT8, byteArrayOf(-128, 5), -128.0, 5.0) { put(it.toInt().toByte()) }
        assertRoundTrip(DType.UINT8, byteArrayOf(-56, 5), 200.0, 5.0) { put(it.toInt().toByte()) }
        assertRoundTrip(DType.INT16, shortArrayOf(-300, 5), -300.0, 5.0) {
            putShort(it.toInt().toShort())
        }
        assertRoundTrip(DType.INT32, intArrayOf(-70_000, 5), -70_000.0, 5.0) { putInt(it.toInt()) }
        assertRoundTrip(DType.INT64, longArrayOf(-1L shl 40, 5), -1.099511627776e12, 5.0) {
            putLong(it.toLong())
        }
        assertRoundTrip(DType.BOOL, booleanArrayOf(true, false), 1.0, 0.0) {
            put(it.toInt().toByte())
        }
    }

    private fun assertRoundTrip(
        dtype: DType,
        array: Any,
        vararg reals: Double,
        put: ByteBuffer.(Double) -> Unit,
    ) {
        val buffer = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN)
        reals.forEach { buffer.put(it) }
        val stored = buffer.array().copyOf(buffer.position())
        val values = TensorValues(dtype, reals.size)
        values.read(FakeAssets(mutableMapOf("values.bin" to stored)), "values.bin")
        val engine = EchoEngine()
        values.write(engine, input = 0)
        assertEquals(describe(array), describe(engine.values.getValue(0)))
        val read = TensorValues(dtype, reals.size)
        read.read(engine, output = 0)
        assertArrayEquals(reals, DoubleArray(reals.size, read::real), 0.0)
    }

    private fun describe(array: Any): String =
        java.lang.reflect.Array.getLength(array).let { length ->
            List(length) { java.lang.reflect.Array.get(array, it) }
        }.joinToString(prefix = array.javaClass.simpleName)

    @Test fun `a last run that is not full is filled with the first samples`() {
        val spec = ModelSpec(
            name = "Pairs",
            inputs = listOf(TensorSpec("x", listOf(2, 3), DType.FLOAT32)),
            outputs = listOf(TensorSpec("y", listOf(2, 3), DType.FLOAT32)),
            artifacts = emptyList(),
            golden = GoldenSpec(samples = 5, listOf("x.bin"), listOf("y.bin")),
        )
        val samples = List(5) { row -> FloatArray(3) { row * 10f + it } }
        val bytes = TestModel.bytes(samples)
        val golden = Golden.read(spec, FakeAssets(mutableMapOf("x.bin" to bytes, "y.bin" to bytes)))
        assertEquals(3, golden.runs)
        val run = GoldenRun(golden)
        val engine = EchoEngine()
        val metrics = spec.outputs.map { AnswerMetrics(it) }
        val seen = (0 until 3).map { index ->
            run.prepare(index)
            run.answer(engine)
            run.measure(metrics)
            (engine.values.getValue(0) as FloatArray).toList() to run.samples
        }
        assertEquals(listOf(0..1, 2..3, 4..4), seen.map { it.second })
        assertEquals(listOf(40f, 41f, 42f, 0f, 1f, 2f), seen.last().first)
        assertNull(metrics.single().problem)
        assertEquals(200.0, metrics.single().snrDb, 0.0)
        assertEquals(1.0, metrics.single().cosine, 1e-12)
    }
}

/** An engine whose outputs are its inputs. */
private class EchoEngine : Engine {
    val values = HashMap<Int, Any>()

    override fun write(input: Int, values: FloatArray): Unit = keep(input, values.clone())
    override fun write(input: Int, values: IntArray): Unit = keep(input, values.clone())
    override fun write(input: Int, values: LongArray): Unit = keep(input, values.clone())
    override fun write(input: Int, values: ByteArray): Unit = keep(input, values.clone())
    override fun write(input: Int, values: ShortArray): Unit = keep(input, values.clone())
    override fun write(input: Int, values: BooleanArray): Unit = keep(input, values.clone())

    override fun invoke(): Unit = Unit

    override fun read(output: Int, into: FloatArray): Unit = copy(output, into, into.size)
    override fun read(output: Int, into: IntArray): Unit = copy(output, into, into.size)
    override fun read(output: Int, into: LongArray): Unit = copy(output, into, into.size)
    override fun read(output: Int, into: ByteArray): Unit = copy(output, into, into.size)
    override fun read(output: Int, into: ShortArray): Unit = copy(output, into, into.size)
    override fun read(output: Int, into: BooleanArray): Unit = copy(output, into, into.size)

    override fun close(): Unit = values.clear()

    private fun keep(input: Int, array: Any) {
        values[input] = array
    }

    private fun copy(output: Int, into: Any, size: Int) {
        System.arraycopy(values.getValue(output), 0, into, 0, size)
    }
}
