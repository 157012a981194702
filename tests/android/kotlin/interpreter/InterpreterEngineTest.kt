package com.example.models

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The engine over the real interpreter, with a model of each dtype and two that are quantised. */
public class InterpreterEngineTest {
    private val dtypes = Here.spec("Dtypes")
    private val quantised = listOf("QuantisedInt8", "QuantisedUint8").map(Here::spec)

    private fun cpu(artifact: ArtifactSpec): Engine = Here.loader().load(artifact, Accelerator.CPU)

    private fun input(name: String): Int = dtypes.inputs.indexOfFirst { it.name == "${name}_in" }

    private fun output(name: String): Int = dtypes.outputs.indexOfFirst { it.name == "${name}_out" }

    @Test
    public fun valuesOfEveryDtypeComeBackAsWritten() {
        val floats = floatArrayOf(0f, -0f, 1.5f, Float.MIN_VALUE, Float.MAX_VALUE, -7f)
        val ints = intArrayOf(0, 1, -1, Int.MIN_VALUE, Int.MAX_VALUE, 7)
        val longs = longArrayOf(0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 7)
        val shorts = shortArrayOf(0, 1, -1, Short.MIN_VALUE, Short.MAX_VALUE, 7)
        val bytes = byteArrayOf(0, 1, -1, Byte.MIN_VALUE, Byte.MAX_VALUE, 7)
        val unsigned = byteArrayOf(3, 2, -2, Byte.MIN_VALUE, Byte.MAX_VALUE, 0)
        val booleans = booleanArrayOf(true, false, false, true, true, false)
        cpu(dtypes.artifacts.single()).use { engine ->
            repeat(2) {
                engine.write(input("float32"), floats)
                engine.write(input("int32"), ints)
                engine.write(input("int64"), longs)
                engine.write(input("int16"), shorts)
                engine.write(input("int8"), bytes)
                engine.write(input("uint8"), unsigned)
                engine.write(input("bool"), booleans)
                engine.invoke()
                assertArrayEquals(
                    floats,
                    FloatArray(6).also { engine.read(output("float32"), it) },
                    0f,
                )
                assertArrayEquals(ints, IntArray(6).also { engine.read(output("int32"), it) })
                assertArrayEquals(longs, LongArray(6).also { engine.read(output("int64"), it) })
                assertArrayEquals(shorts, ShortArray(6).also { engine.read(output("int16"), it) })
                assertArrayEquals(bytes, ByteArray(6).also { engine.read(output("int8"), it) })
                assertArrayEquals(unsigned, ByteArray(6).also { engine.read(output("uint8"), it) })
                assertArrayEquals(
                    booleans,
                    BooleanArray(6).also { engine.read(output("bool"), it) },
                )
            }
        }
    }

    @Test
    public fun wrongSizesAndWrongTypesAreNamed() {
        cpu(dtypes.artifacts.single()).use { engine ->
            val size = assertThrows(IllegalArgumentException::class.java) {
                engine.write(input("int32"), IntArray(5))
            }
            assertEquals("Input 'int32_in' has 6 INT32 values, not 5 INT32 values.", size.message)
            val type = assertThrows(IllegalArgumentException::class.java) {
                engine.write(input("bool"), FloatArray(6))
            }
            assertEquals("Input 'bool_in' has 6 BOOL values, not 6 FLOAT32 values.", type.message)
            engine.invoke()
            val read = assertThrows(IllegalArgumentException::class.java) {
                engine.read(output("int64"), LongArray(7))
            }
            assertEquals("Output 'int64_out' has 6 INT64 values, not 7 INT64 values.", read.message)
            val bytes = assertThrows(IllegalArgumentException::class.java) {
                engine.read(output("int16"), ByteArray(6))
            }
            assertEquals("Output 'int16_out' has 6 INT16 values, not 6 INT8 values.", bytes.message)
        }
    }

    /** The model moves values about and computes nothing, so that what comes back was stored. */
    @Test
    public fun quantisedEndsTakeAndGiveRealValues() {
        for (model in quantised) {
            val artifact = model.artifacts.single()
            assertTrue(artifact.inputs.single().quantised && artifact.outputs.single().quantised)
            val values = FloatArray(model.inputs.single().size) { (it % 61 - 30) * 0.07f }
            val found = FloatArray(model.outputs.single().size)
            cpu(artifact).use { engine ->
                engine.write(0, values)
                engine.invoke()
                engine.read(0, found)
            }
            val halfStep = artifact.inputs.single().scale / 2
            for (index in values.indices) {
                assertEquals(values[index], found[transposed(index)], halfStep + 1e-6f)
            }
        }
    }

    /** `flip` turns an image's rows into its columns. */
    private fun transposed(index: Int): Int {
        val (row, column, channel) = Triple(index / 64, index / 8 % 8, index % 8)
        return column * 64 + row * 8 + channel
    }

    @Test
    public fun aClosedEngineRefuses() {
        val engine = cpu(dtypes.artifacts.single())
        engine.close()
        engine.close()
        assertThrows(IllegalStateException::class.java) { engine.invoke() }
        assertThrows(IllegalStateException::class.java) { engine.write(0, FloatArray(6)) }
        assertThrows(IllegalStateException::class.java) { engine.read(0, FloatArray(6)) }
    }

    @Test
    public fun aFileThatIsNoModelIsAnError() {
        val golden = dtypes.artifacts.single().changed(asset = dtypes.golden.inputs.first())
        val error = assertThrows(ModelRunException::class.java) { cpu(golden) }
        assertTrue(error.message!!.startsWith("TFLite could not load ${golden.asset} on CPU: "))
    }

    @Test
    public fun aFileWithOtherInputsIsAnError() {
        val artifact = dtypes.artifacts.single()
        val asInt8 = artifact.inputs.map { StoredTensor(it.name, it.position, DType.INT8) }
        val error = assertThrows(ModelRunException::class.java) {
            cpu(artifact.changed(inputs = asInt8))
        }
        assertTrue(error.message!!, "with INT8 values; there is FLOAT32." in error.message!!)
        val fewer = artifact.inputs.drop(1)
        assertThrows(ModelRunException::class.java) { cpu(artifact.changed(inputs = fewer)) }
        val beyond = artifact.inputs.map { StoredTensor(it.name, it.position + 1, it.dtype) }
        assertThrows(ModelRunException::class.java) { cpu(artifact.changed(inputs = beyond)) }
    }

    @Test
    public fun theRuntimeIsNamedWithItsVersion() {
        assertEquals("TFLite 2.16.1", Here.loader().runtime)
    }

    @Test
    public fun theCpuIsAlwaysThereAndNnApiBelowAndroid15() {
        assertNull(Here.loader().unavailable(Accelerator.CPU))
        assertEquals(
            "NNAPI came with Android 8.1.",
            Here.loader(apiLevel = 26).unavailable(Accelerator.NNAPI),
        )
        assertNull(Here.loader(apiLevel = 27).unavailable(Accelerator.NNAPI))
        assertNull(Here.loader(apiLevel = 34).unavailable(Accelerator.NNAPI))
        assertEquals(
            "NNAPI is deprecated since Android 15.",
            Here.loader(apiLevel = 35).unavailable(Accelerator.NNAPI),
        )
    }

    @Test
    public fun onlyTheGpuIsBoundToAThread() {
        assertEquals(
            listOf(Accelerator.GPU),
            Accelerator.entries.filter(Here.loader()::isBoundToThread),
        )
    }

    /** XNNPACK makes one step of the graph's two convolutions; TFLite's own code takes two. */
    @Test
    public fun theCpuHasXnnpack() {
        cpu(Here.spec("Convolutions").artifacts.single()).use { engine ->
            val field = InterpreterEngine::class.java.getDeclaredField("interpreter")
            field.isAccessible = true
            val interpreter = field.get(engine)
            val steps = interpreter.javaClass.getDeclaredMethod("getExecutionPlanLength")
            steps.isAccessible = true
            assertEquals(1, steps.invoke(interpreter))
        }
    }

    /** There is no NNAPI here, and TFLite says nothing: it would run the graph on the CPU. */
    @Test
    public fun anAcceleratorThatTakesNothingIsAnError() {
        val artifact = Here.spec("Halves").artifacts.single()
        val error = assertThrows(ModelRunException::class.java) {
            Here.loader().load(artifact, Accelerator.NNAPI)
        }
        assertEquals(
            "NNAPI does not take the whole of ${artifact.asset}: a run has 5 steps, on the CPU " +
                "in part or altogether.",
            error.message,
        )
    }
}

private fun ArtifactSpec.changed(
    asset: String = this.asset,
    inputs: List<StoredTensor> = this.inputs,
): ArtifactSpec = ArtifactSpec(variant, asset, sha256, bytes, inputs, outputs, budgets)
