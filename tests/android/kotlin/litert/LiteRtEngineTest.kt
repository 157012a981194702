package com.example.models

import com.google.ai.edge.litert.Environment
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.DataInputStream
import java.io.File

/** LiteRT on the CPU, and accelerators that this process does not have. */
internal class LiteRtEngineTest {
    private val assets = File(System.getProperty("assets"))
    private val loader = LiteRtEngineLoader(FolderPlace(assets))
    private val mixed = MixedSpec.model.artifacts.single()
    private val int8 = DigitsInt8Spec.model.artifacts.single()

    @Test
    fun everyTypeGoesInAndComesOut() {
        load(mixed).use { engine ->
            // In the trained model's order, which is not the file's.
            engine.write(0, floatArrayOf(1.5f, -2f, Float.MAX_VALUE))
            engine.write(1, intArrayOf(Int.MIN_VALUE, 7))
            engine.write(2, longArrayOf(1L shl 40))
            engine.write(3, booleanArrayOf(true, false, true, true))
            engine.write(4, byteArrayOf(-128, 0, 127, 5, 6))
            engine.invoke()
            val floats = FloatArray(3).also { engine.read(0, it) }
            val ints = IntArray(2).also { engine.read(1, it) }
            val longs = LongArray(1).also { engine.read(2, it) }
            val booleans = BooleanArray(4).also { engine.read(3, it) }
            val bytes = ByteArray(5).also { engine.read(4, it) }
            assertArrayEquals(floatArrayOf(2f, -1.5f, Float.MAX_VALUE), floats, 0f)
            assertArrayEquals(intArrayOf(Int.MIN_VALUE + 1, 8), ints)
            assertArrayEquals(longArrayOf((1L shl 40) + 1), longs)
            assertArrayEquals(booleanArrayOf(false, true, false, false), booleans)
            assertArrayEquals(byteArrayOf(6, 5, 127, 0, -128), bytes)
        }
    }

    @Test
    fun aSecondRunSeesWhatWasWrittenLast() {
        load(mixed).use { engine ->
            writeZeros(engine)
            engine.invoke()
            engine.write(1, intArrayOf(1, 2))
            engine.invoke()
            assertArrayEquals(intArrayOf(2, 3), IntArray(2).also { engine.read(1, it) })
        }
    }

    @Test
    fun anInputOfAnotherSizeIsRefused() {
        load(mixed).use { engine ->
            assertRefused("Input 'floats' has 3 FLOAT32 values, not 4 FLOAT32 values.") {
                engine.write(0, FloatArray(4))
            }
            assertRefused("Input 'counts' has 2 INT32 values, not 1 INT32 values.") {
                engine.write(1, IntArray(1))
            }
            assertRefused("Input 'bytes' has 5 INT8 values, not 0 INT8 values.") {
                engine.write(4, ByteArray(0))
            }
        }
    }

    @Test
    fun anInputOfAnotherTypeIsRefused() {
        load(mixed).use { engine ->
            assertRefused("Input 'floats' has 3 FLOAT32 values, not 3 INT32 values.") {
                engine.write(0, IntArray(3))
            }
            assertRefused("Input 'counts' has 2 INT32 values, not 2 INT16 values.") {
                engine.write(1, ShortArray(2))
            }
            assertRefused("Input 'long' has 1 INT64 values, not 1 BOOL values.") {
                engine.write(2, BooleanArray(1))
            }
            assertRefused("Input 'flags' has 4 BOOL values, not 4 INT64 values.") {
                engine.write(3, LongArray(4))
            }
        }
    }

    @Test
    fun anOutputArrayOfAnotherSizeOrTypeIsRefused() {
        load(mixed).use { engine ->
            writeZeros(engine)
            engine.invoke()
            assertRefused("Output 'floats_out' has 3 FLOAT32 values, not 2 FLOAT32 values.") {
                engine.read(0, FloatArray(2))
            }
            assertRefused("Output 'floats_out' has 3 FLOAT32 values, not 3 INT8 values.") {
                engine.read(0, ByteArray(3))
            }
            assertRefused("Output 'flags_out' has 4 BOOL values, not 4 INT16 values.") {
                engine.read(3, ShortArray(4))
            }
        }
    }

    @Test
    fun quantisedEndsAreFloatsToTheApp() {
        load(int8).use { engine ->
            assertRefused("Input 'image' has 64 FLOAT32 values, not 64 INT8 values.") {
                engine.write(0, ByteArray(64))
            }
            engine.write(0, FloatArray(64))
            engine.invoke()
            val scores = FloatArray(10).also { engine.read(0, it) }
            assertEquals(1f, scores.sum(), 0.05f)
        }
    }

    @Test
    fun quantisationIsPythons() {
        DataInputStream(File(assets, "quantisation").inputStream().buffered()).use { cases ->
            repeat(cases.readInt()) {
                val quantisation = Int8Quantisation(cases.readFloat(), cases.readInt())
                val values = FloatArray(cases.readInt()) { cases.readFloat() }
                val stored = ByteArray(values.size) { cases.readByte() }
                val reals = FloatArray(values.size) { cases.readFloat() }
                val quantised = ByteArray(values.size)
                quantisation.quantise(values, quantised)
                assertArrayEquals(stored, quantised)
                val dequantised = FloatArray(values.size)
                quantisation.dequantise(stored, dequantised)
                assertArrayEquals(reals, dequantised, 0f)
            }
        }
    }

    @Test
    fun aClosedEngineSaysSo() {
        val engine = load(mixed)
        engine.close()
        engine.close()
        for (call in listOf<() -> Unit>(
            { engine.write(0, FloatArray(3)) },
            { engine.invoke() },
            { engine.read(0, FloatArray(3)) },
        )) {
            val error = assertThrows(IllegalStateException::class.java) { call() }
            assertEquals("The model is closed.", error.message)
        }
    }

    @Test
    fun aFileThatStoresAnotherTypeIsRefused() {
        val floats = changed(int8, inputs = int8.inputs.map { renewed(it, DType.FLOAT32, 0f) })
        val error = assertThrows(ModelRunException::class.java) { load(floats) }
        val said = error.message!!
        assertTrue(said, said.startsWith("Input 'image' of ${int8.asset} holds INT8 values"))
    }

    @Test
    fun aTypeThatLiteRtCannotExchangeIsRefused() {
        val uint8 = changed(int8, asset = "uint8.tflite")
        val error = assertThrows(ModelRunException::class.java) { load(uint8) }
        assertTrue(error.message, "Unsupported element type" in error.message!!)
    }

    @Test
    fun anInputThatTheFileLacksIsRefused() {
        val other = StoredTensor("other", 0, DType.INT8, 1f, 0)
        val error = assertThrows(ModelRunException::class.java) {
            load(changed(int8, inputs = listOf(other)))
        }
        assertTrue(error.message, "other" in error.message!!)
    }

    @Test
    fun aFileThatIsMissingOrNoneIsRefused() {
        for (asset in listOf("missing.tflite", "quantisation")) {
            val error = assertThrows(ModelRunException::class.java) {
                load(changed(int8, asset = asset))
            }
            val said = error.message!!
            assertTrue(said, said.startsWith("LiteRT could not load $asset on CPU"))
        }
    }

    @Test
    fun aFailedLoadLeavesNothingOpen() {
        val environments = mutableListOf<Environment>()
        val place = object : LiteRtPlace by FolderPlace(assets) {
            override fun environment(accelerator: Accelerator): Environment =
                Environment.create().also { environments += it }
        }
        assertThrows(ModelRunException::class.java) {
            LiteRtEngineLoader(place).load(changed(int8, asset = "uint8.tflite"), Accelerator.CPU)
        }
        assertThrows(IllegalStateException::class.java) {
            environments.single().getAvailableAccelerators()
        }
    }

    @Test
    fun acceleratorsThatAreNotThereAreReported() {
        assertNull(loader.unavailable(Accelerator.CPU))
        assertEquals("A JVM has no neural processor.", loader.unavailable(Accelerator.NPU))
        val place = object : LiteRtPlace by FolderPlace(assets) {
            override fun whyNoNpu(): String? = null
        }
        val noLibrary = "LiteRT finds no library for the NPU in this app or on this device."
        assertEquals(noLibrary, LiteRtEngineLoader(place).unavailable(Accelerator.NPU))
        // LiteRT itself would take the CPU.
        val error = assertThrows(ModelRunException::class.java) {
            LiteRtEngineLoader(place).load(mixed, Accelerator.NPU)
        }
        assertEquals(noLibrary, error.message)
    }

    @Test
    fun aLibraryThatCannotBeLoadedIsReported() {
        val place = object : LiteRtPlace by FolderPlace(assets) {
            override fun environment(accelerator: Accelerator): Environment =
                throw UnsatisfiedLinkError("no litert_jni")
        }
        val said = "LiteRT's library cannot be used here: no litert_jni"
        assertEquals(said, LiteRtEngineLoader(place).unavailable(Accelerator.GPU))
        val error = assertThrows(ModelRunException::class.java) {
            LiteRtEngineLoader(place).load(mixed, Accelerator.CPU)
        }
        assertEquals(said, error.message)
    }

    /** This process was started without a Vulkan driver. */
    @Test
    fun aGpuThatCannotBeUsedIsReported() {
        val error = assertThrows(ModelRunException::class.java) {
            loader.load(DigitsSpec.model.artifacts.first(), Accelerator.GPU)
        }
        assertTrue(error.message, "on GPU" in error.message!!)
    }

    @Test
    fun onlyTheGpuIsBoundToAThread() {
        assertTrue(loader.isBoundToThread(Accelerator.GPU))
        assertFalse(loader.isBoundToThread(Accelerator.CPU))
        assertFalse(loader.isBoundToThread(Accelerator.NPU))
    }

    @Test
    fun theRuntimeIsNamedWithItsVersion() {
        assertEquals("LiteRT ${System.getProperty("litert.version")}", loader.runtime)
    }

    private fun load(artifact: ArtifactSpec): Engine = loader.load(artifact, Accelerator.CPU)

    private fun writeZeros(engine: Engine) {
        engine.write(0, FloatArray(3))
        engine.write(1, IntArray(2))
        engine.write(2, LongArray(1))
        engine.write(3, BooleanArray(4))
        engine.write(4, ByteArray(5))
    }

    private fun changed(
        artifact: ArtifactSpec,
        asset: String = artifact.asset,
        inputs: List<StoredTensor> = artifact.inputs,
    ) = ArtifactSpec(
        artifact.variant,
        asset,
        artifact.sha256,
        artifact.bytes,
        inputs,
        artifact.outputs,
        artifact.budgets,
    )

    private fun renewed(tensor: StoredTensor, dtype: DType, scale: Float) =
        StoredTensor(tensor.name, tensor.position, dtype, scale, tensor.zeroPoint)

    private fun assertRefused(message: String, action: () -> Unit) {
        val error = assertThrows(IllegalArgumentException::class.java) { action() }
        assertEquals(message, error.message)
    }
}
