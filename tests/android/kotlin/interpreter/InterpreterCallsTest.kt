package com.example.models

import com.sun.management.ThreadMXBean
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.InterpreterApi
import org.tensorflow.lite.Tensor
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer

/** What the engine does with an interpreter, which records it and stands in for TFLite's. */
public class InterpreterCallsTest {
    private val calls = mutableListOf<String>()
    private var failure: RuntimeException? = null

    private val interpreter = object : InterpreterApi {
        override fun runForMultipleInputsOutputs(inputs: Array<Any>, outputs: Map<Int, Any>) {
            failure?.let { throw it }
            (outputs.getValue(0) as ByteBuffer).put(inputs[0] as ByteBuffer)
        }

        override fun getInputTensorCount(): Int = 1

        override fun getOutputTensorCount(): Int = 1

        override fun getInputTensor(index: Int): Tensor = Eight

        override fun getOutputTensor(index: Int): Tensor = Eight

        override fun close() {
            calls += "interpreter"
        }

        override fun run(input: Any, output: Any): Unit = error("not used")

        override fun allocateTensors(): Unit = error("not used")

        override fun resizeInput(index: Int, shape: IntArray): Unit = error("not used")

        override fun resizeInput(index: Int, shape: IntArray, strict: Boolean): Unit =
            error("not used")

        override fun getInputIndex(name: String): Int = error("not used")

        override fun getOutputIndex(name: String): Int = error("not used")

        override fun getLastNativeInferenceDurationNanoseconds(): Long = error("not used")
    }

    private val delegate = object : Delegate {
        override fun getNativeHandle(): Long = 0

        override fun close() {
            calls += "delegate"
        }
    }

    private val stored = listOf(StoredTensor("x", 0, DType.INT8, scale = 0.5f, zeroPoint = 3))

    private val engine = InterpreterEngine(
        interpreter,
        delegate,
        ArtifactSpec("tflite-int8", "models/x.tflite", "", 0, stored, stored, emptyMap()),
    )

    @Test
    public fun theDelegateIsClosedAfterTheInterpreter() {
        engine.close()
        assertEquals(listOf("interpreter", "delegate"), calls)
    }

    @Test
    public fun whatTfliteThrowsIsAModelRunException() {
        val cause = IllegalStateException("Internal error: Failed to run.")
        failure = cause
        val error = assertThrows(ModelRunException::class.java) { engine.invoke() }
        assertEquals(
            "TFLite could not run models/x.tflite: Internal error: Failed to run.",
            error.message,
        )
        assertSame(cause, error.cause)
    }

    @Test
    public fun noCallAllocates() {
        val values = FloatArray(Eight.numElements()) { it - 2f }
        val found = FloatArray(values.size)
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        fun calls(count: Int): Long {
            val before = threads.currentThreadAllocatedBytes
            repeat(count) {
                engine.write(0, values)
                engine.invoke()
                engine.read(0, found)
            }
            return threads.currentThreadAllocatedBytes - before
        }
        calls(1_000)
        // The count itself makes a few objects; the smallest one has 16 bytes.
        assertTrue(calls(10_000) < 16 * 10_000)
        assertEquals(values.toList(), found.toList())
    }

    /** Eight bytes. */
    private object Eight : Tensor {
        override fun dataType(): DataType = DataType.INT8

        override fun numElements(): Int = 8

        override fun numDimensions(): Int = error("not used")

        override fun numBytes(): Int = error("not used")

        override fun shape(): IntArray = error("not used")

        override fun shapeSignature(): IntArray = error("not used")

        override fun index(): Int = error("not used")

        override fun name(): String = error("not used")

        override fun quantizationParams(): Tensor.QuantizationParams = error("not used")

        override fun asReadOnlyBuffer(): ByteBuffer = error("not used")
    }
}
