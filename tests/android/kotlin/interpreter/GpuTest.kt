package com.example.models

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.util.concurrent.Callable
import java.util.concurrent.Executors

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

    /** The delegate's context is one thread's; the runner brings every call to it. */
    @Test
    public fun callsFromAnyThreadAreRight() {
        val spec = Here.spec("Digits")
        val runner = open(AcceleratorPolicy.only(Accelerator.GPU))
        assertEquals(Accelerator.GPU, runner.choice.accelerator)
        val inputs = Here.floats(spec.golden.inputs.single())
            .toList()
            .chunked(spec.inputs.single().size)
        val expected = inputs.map { answer(runner, it) }
        val threads = Executors.newFixedThreadPool(4)
        val answers = List(200) { call ->
            threads.submit(Callable { answer(runner, inputs[call % inputs.size]) })
        }
        answers.forEachIndexed { call, answer ->
            assertEquals(expected[call % inputs.size], answer.get())
        }
        threads.submit(runner::close).get()
        threads.shutdown()
        assertThrows(IllegalStateException::class.java) { answer(runner, inputs.first()) }
    }

    /** NNAPI takes nothing here; the CPU and the GPU answer as the trained model does. */
    @Test
    public fun theChoiceIsAmongThoseThatAreRight() {
        open(AcceleratorPolicy.fastestCorrect()).use { runner ->
            val choice = runner.choice
            val outcomes = choice.trials.groupBy({ it.accelerator }, { it.outcome })
            assertEquals(Accelerator.entries.toSet(), outcomes.keys)
            assertEquals(setOf(TrialOutcome.FAILED), outcomes.getValue(Accelerator.NNAPI).toSet())
            assertTrue(choice.accelerator in setOf(Accelerator.CPU, Accelerator.GPU))
            println(choice)
        }
    }

    /** As on a device that TFLite lists. */
    private fun open(policy: AcceleratorPolicy): ModelRunner {
        val loader = object : EngineLoader by Here.loader() {
            override fun unavailable(accelerator: Accelerator): String? = null
        }
        val folder = File(Here.output, "$policy").apply { mkdir() }
        val device = Device("a test", "1")
        return ModelRunner.open(Here.spec("Digits"), Here, loader, policy, folder, device)
    }

    private fun answer(runner: ModelRunner, values: List<Float>): List<Float> {
        val found = FloatArray(10)
        runner.run { engine ->
            engine.write(0, values.toFloatArray())
            engine.invoke()
            engine.read(0, found)
        }
        return found.toList()
    }
}
