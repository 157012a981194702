package com.example.models

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

/** TFLite's GPU delegate, with OpenGL on the CPU. */
public class GpuTest {
    @Test
    public fun aGraphThatItTakesWholeRunsThere() {
        val artifact = Here.spec("Convolutions").artifacts.single()
        val values = FloatArray(512) { (it % 17 - 8) / 8f }
        val answers = listOf(Accelerator.CPU, Accelerator.GPU).map { accelerator ->
            Here.loader().load(artifact, accelerator).use { engine ->
                engine.write(0, values)
                engine.invoke()
                FloatArray(512).also { engine.read(0, it) }
            }
        }
        assertArrayEquals(answers[0], answers[1], 0.01f)
    }

    @Test
    public fun aGraphThatItTakesInPartIsRefused() {
        val artifact = Here.spec("Halves").artifacts.single()
        val error = assertThrows(ModelRunException::class.java) {
            Here.loader().load(artifact, Accelerator.GPU)
        }
        assertEquals(
            "GPU does not take the whole of ${artifact.asset}: a run has 4 steps, on the CPU in " +
                "part or altogether.",
            error.message,
        )
    }

    @Test
    public fun aGpuThatIsNotListedIsNotUsed() {
        assertEquals(
            "TFLite's list of GPUs does not have this device.",
            Here.loader().unavailable(Accelerator.GPU),
        )
    }
}
