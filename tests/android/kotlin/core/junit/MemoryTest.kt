package com.example.digits

import com.example.digits.Accelerator.CPU
import com.example.digits.Accelerator.GPU
import com.example.digits.Accelerator.NPU
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File

/** What is remembered of a choice, and for how long. */
class MemoryTest {
    @get:Rule val folder = TemporaryFolder()

    private val app by lazy { FakeApp(folder.root).also { it[GPU] = FAST } }
    private val file by lazy { File(folder.root, "Test.choice.properties") }
    private val gpu = Candidate(GPU, "fp32")

    private fun memory() =
        ChoiceMemory(file, memoryKey(app.spec, app.device.runtime, app.about))

    @After fun nothingIsMisused() {
        app.clock.wake()
        assertEquals(emptyList<String>(), app.device.faults)
        assertEquals("no file is left", emptyList<String>(), leftovers())
    }

    private fun leftovers(): List<String> =
        folder.root.list().orEmpty().filter { it.endsWith(".new") }

    @Test fun `a choice is remembered, and no golden is asked again`() {
        val first = app.choose()
        app.device.loaded.clear()
        app.device.runs.set(0)
        val second = app.choose()
        assertTrue(second.remembered)
        assertEquals(first.accelerator, second.accelerator)
        assertEquals(first.reason, second.reason)
        assertEquals(first.trials.map { "$it" }, second.trials.map { "$it" })
        assertEquals(first.trials.map { it.medianMillis }, second.trials.map { it.medianMillis })
        assertEquals(listOf(gpu), app.device.loaded)
        assertEquals(0, app.device.runs.get())
    }

    @Test fun `it is made again for another model file`() {
        assertMadeAgain {
            val artifact = app.spec.artifacts.single()
            val content = ByteArray(9)
            app.assets.files[artifact.asset] = content
            val other = "3e7077fd2f66d689e0cee6a7cf5b37bf2dca7c979af356d0a31cbc5c85605c7d"
            app.spec = TestModel.spec("fp32").with(
                ArtifactSpec(
                    "fp32", artifact.asset, other, 9, artifact.inputs, artifact.outputs,
                    artifact.budgets,
                ),
            )
        }
    }

    @Test fun `it is made again for other bounds`() {
        assertMadeAgain {
            val budgets = mapOf(CPU to Budget(snrDb = 81.0), GPU to Budget(snrDb = 20.0))
            app.spec = TestModel.spec("fp32", budgets = budgets)
        }
    }

    @Test fun `it is made again for another runtime`() {
        assertMadeAgain { app.device.runtime = "fake 2" }
    }

    @Test fun `it is made again on another device`() {
        assertMadeAgain { app.about = Device("another phone", app.about.system) }
    }

    @Test fun `it is made again for another build of the system`() {
        assertMadeAgain { app.about = Device(app.about.model, "build 2") }
    }

    @Test fun `what ends within the key is not taken for the whole of it`() {
        app.choose()
        file.writeText(file.readText().replace("a\\ phone", "a").replace("a phone", "a"))
        assertFalse(app.choose().remembered)
    }

    @Test fun `a file cut short anywhere is ignored and written again`() {
        app.choose()
        val whole = file.readText()
        for (length in whole.indices step 7) {
            file.writeText(whole.substring(0, length))
            assertEquals(GPU, app.choose().accelerator)
            assertTrue(app.choose().remembered)
        }
    }

    @Test fun `a damaged file is ignored and written again`() {
        app.choose()
        val whole = file.readText()
        val damaged = listOf(
            "\u0000\u0001\u0002", "\\u12", "trials=-1", "trials=x",
            whole.replace("CORRECT", "RIGHT"),
            whole.replace("=GPU", "=TPU"),
            whole.replace("trials=3", "trials=4"),
            whole.replace("trials=3", "trials=2000000000"),
            whole.replace(Regex("millis=.*"), "millis=fast"),
            whole.replace(Regex("millis=.*"), "millis=NaN"),
            whole.replace(Regex(".*millis=.*\n"), ""),
        )
        for (content in damaged) {
            assertFalse(content, content == whole)
            file.writeText(content)
            val choice = app.choose()
            assertEquals(content, GPU, choice.accelerator)
            assertFalse(content, choice.remembered)
            assertTrue(content, app.choose().remembered)
        }
    }

    @Test fun `where nothing can be written the choice is made each time, and says so`() {
        val app = FakeApp(folder.newFile("not a folder"))
        app[GPU] = FAST
        repeat(2) {
            val choice = app.choose()
            assertEquals(GPU, choice.accelerator)
            assertFalse(choice.remembered)
            assertTrue(choice.reason, "This could not be remembered: " in choice.reason)
        }
    }

    @Test fun `where the CPU alone is tried it is said too`() {
        val app = FakeApp(folder.newFile("not a folder"))
        val reason = app.choose(AcceleratorPolicy.only(CPU)).reason
        assertTrue(reason, "This could not be remembered: " in reason)
    }

    @Test fun `an accelerator that ended the app is passed over`() {
        memory().write(emptyList(), Note(gpu, loads = 0))
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        assertEquals("the app ended while this was tried", choice.reasonOf(GPU))
        val next = app.choose()
        assertTrue(next.remembered)
        assertEquals(CPU, next.accelerator)
    }

    @Test fun `it is tried again with another build of the system`() {
        memory().write(emptyList(), Note(gpu, loads = 0))
        app.choose()
        app.about = Device(app.about.model, "build 2")
        assertEquals(GPU, app.choose().accelerator)
    }

    @Test fun `what was found before the app ended is kept`() {
        app.choose(AcceleratorPolicy.only(CPU))
        memory().write(memory().read().trials, Note(gpu, loads = 0))
        app.device.loaded.clear()
        app.choose()
        assertEquals(listOf(Candidate(CPU, "fp32")), app.device.loaded)
    }

    @Test fun `a note is there while an accelerator is tried, and gone afterwards`() {
        val notes = ArrayList<Note?>()
        app[GPU] = Behaviour(nanos = 1, onLoad = { notes += memory().read().note })
        app[CPU] = Behaviour(onLoad = { notes += memory().read().note })
        app.choose()
        assertEquals(listOf(null, gpu), notes.map { it?.candidate })
        assertNull(memory().read().note)
    }

    @Test fun `the app may end once while what was right before is loaded`() {
        app.choose()
        memory().write(memory().read().trials, Note(gpu, loads = 1))
        assertEquals(GPU, app.choose().accelerator)
        assertNull(memory().read().note)
    }

    @Test fun `what ends the app twice in a row while it is loaded is passed over`() {
        app.choose()
        memory().write(memory().read().trials, Note(gpu, loads = 1))
        val noted = ArrayList<Int?>()
        app[GPU] = Behaviour(onLoad = { noted += memory().read().note?.loads })
        app.choose()
        assertEquals(listOf(2), noted)
        memory().write(memory().read().trials, Note(gpu, loads = 2))
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        assertTrue(choice.remembered)
    }

    @Test fun `what does not load any more is passed over`() {
        app.choose()
        app[GPU] = Behaviour(onLoad = { throw ModelRunException("lost") })
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        val reason = "it ran before, and it does not load now: lost"
        assertEquals(reason, choice.reasonOf(GPU))
        assertEquals(reason, app.choose().reasonOf(GPU))
    }

    @Test fun `what hangs now is passed over`() {
        app.choose()
        app[GPU] = Behaviour(onLoad = { app.clock.hang() })
        assertEquals(CPU, app.choose().accelerator)
    }

    @Test fun `one policy uses what another found out`() {
        assertEquals(CPU, app.choose(AcceleratorPolicy.without(GPU)).accelerator)
        app.device.loaded.clear()
        assertEquals(GPU, app.choose().accelerator)
        assertEquals(listOf(gpu), app.device.loaded)
        val cpu = app.choose(AcceleratorPolicy.without(GPU, NPU))
        assertEquals(CPU, cpu.accelerator)
        assertTrue(cpu.remembered)
        val forced = app.choose(AcceleratorPolicy.only(GPU))
        assertEquals(GPU, forced.accelerator)
        assertTrue(forced.remembered)
    }

    @Test fun `a CPU that fails is tried again`() {
        app[CPU] = Behaviour(onLoad = { throw OutOfMemoryError("full") })
        assertEquals(GPU, app.choose().accelerator)
        app[CPU] = Behaviour(nanos = 1)
        assertEquals(CPU, app.choose().accelerator)
    }

    @Test fun `a CPU that fails for once does not keep the app from starting again`() {
        app[GPU] = Behaviour { _, _ -> FloatArray(3) }
        app[CPU] = Behaviour(onLoad = { throw OutOfMemoryError("full") })
        runCatching { app.choose() }
        app[CPU] = Behaviour()
        assertEquals(CPU, app.choose().accelerator)
    }

    @Test fun `words of any kind are remembered`() {
        val words = "= : # ! \\ \n \t \u0000 \u202e ä 漢 \uD83D\uDE00"
        app[GPU] = Behaviour(onLoad = { throw ModelRunException(words) })
        assertEquals(words, app.choose().reasonOf(GPU))
        assertEquals(words, app.choose().reasonOf(GPU))
    }

    private fun assertMadeAgain(change: () -> Unit) {
        app.choose()
        assertTrue(app.choose().remembered)
        change()
        assertFalse(app.choose().remembered)
        assertTrue(app.choose().remembered)
    }

    private fun ModelSpec.with(artifact: ArtifactSpec) =
        ModelSpec(name, inputs, outputs, listOf(artifact), golden)
}
