package com.example.digits

import com.example.digits.Accelerator.CPU
import com.example.digits.Accelerator.GPU
import com.example.digits.Accelerator.NPU
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicReference
import kotlin.concurrent.thread

/** Which accelerator is chosen, on a device where each does what the test wants. */
class ChoiceTest {
    @get:Rule val folder = TemporaryFolder()

    private val app by lazy { FakeApp(folder.root) }

    @After fun nothingIsMisused() {
        app.clock.wake()
        assertEquals(emptyList<String>(), app.device.faults)
    }

    @Test fun `the fastest that is right is chosen, and loaded once`() {
        app[GPU] = FAST
        val choice = app.choose()
        assertEquals(GPU, choice.accelerator)
        assertEquals("fp32", choice.variant)
        assertTrue(choice.isCorrect)
        assertFalse(choice.remembered)
        assertEquals("It is the fastest that is right: 0.10 ms a call.", choice.reason)
        assertEquals(listOf(CPU, GPU, NPU), choice.trials.map { it.accelerator })
        assertEquals(listOf(1.0, 0.1, null), choice.trials.map { it.medianMillis })
        assertEquals(listOf(true, true, false), choice.trials.map { it.isCorrect })
        assertEquals("right in all of 56 runs, 1.00 ms each", choice.reasonOf(CPU))
        assertEquals(listOf(Candidate(CPU, "fp32"), Candidate(GPU, "fp32")), app.device.loaded)
        assertEquals(emptyList<Any>(), app.device.open)
    }

    @Test fun `the chosen engine stays loaded, the others do not`() {
        app[GPU] = FAST
        app.open().use { assertEquals(1, app.device.open.size) }
        assertEquals(0, app.device.open.size)
    }

    @Test fun `a slower accelerator is not chosen`() {
        app[GPU] = Behaviour(nanos = 2_000_000)
        assertEquals(CPU, app.choose().accelerator)
    }

    @Test fun `another accelerator has to be faster by a tenth`() {
        app[GPU] = Behaviour(nanos = 901_000)
        val close = app.choose()
        assertEquals(CPU, close.accelerator)
        val reason = close.reason
        assertTrue(reason, "GPU with fp32 takes 0.90 ms, less than a tenth less" in reason)
    }

    @Test fun `a tenth is enough`() {
        app[GPU] = Behaviour(nanos = 900_000)
        assertEquals(GPU, app.choose().accelerator)
    }

    @Test fun `of several model files the fastest that is right is chosen`() {
        val app = FakeApp(folder.root, "fp32", "fp16", "int8")
        app.device.behaviours[Candidate(CPU, "int8")] = Behaviour(nanos = 400_000)
        app.device.behaviours[Candidate(GPU, "fp16")] = Behaviour(nanos = 300_000)
        app.device.behaviours[Candidate(GPU, "int8")] =
            Behaviour(nanos = 100_000) { _, right -> FloatArray(right.size) { right[it] + 0.5f } }
        val choice = app.choose()
        assertEquals(GPU to "fp16", choice.accelerator to choice.variant)
        assertEquals(9, choice.trials.size)
        assertEquals(emptyList<Any>(), app.device.open)
        assertEquals(emptyList<String>(), app.device.faults)
    }

    @Test fun `one that throws when it is loaded is passed over`() {
        app[GPU] = Behaviour(onLoad = { throw IllegalStateException("no driver") })
        assertPassedOver("java.lang.IllegalStateException: no driver")
    }

    @Test fun `one whose library is missing is passed over`() {
        app[GPU] = Behaviour(onLoad = { throw UnsatisfiedLinkError("libgpu.so") })
        assertPassedOver("java.lang.UnsatisfiedLinkError: libgpu.so")
    }

    @Test fun `one that throws when it runs is passed over and closed`() {
        app[GPU] = Behaviour { run, right ->
            if (run < 7) right else throw ModelRunException("lost")
        }
        assertPassedOver("lost")
    }

    @Test fun `one that hangs when it is loaded is passed over`() {
        app[GPU] = Behaviour(onLoad = { app.clock.hang() })
        assertPassedOver("loading did not end within 20 s")
    }

    @Test fun `one that hangs when it runs is passed over`() {
        app[GPU] = Behaviour { run, right -> right.also { if (run == 13) app.clock.hang() } }
        assertPassedOver("run 14 did not end within 20 s", stillOpen = 1)
    }

    @Test fun `one that hangs when it is closed does not keep the app`() {
        app[GPU] = Behaviour(nanos = 2_000_000, onClose = { app.clock.hang() })
        assertEquals(CPU, app.choose().accelerator)
    }

    @Test fun `one that hung closes what it loaded when it comes back`() {
        val closed = CountDownLatch(1)
        app[GPU] = Behaviour(
            onLoad = { app.clock.hang() },
            onClose = { closed.countDown() },
        )
        assertEquals(CPU, app.choose().accelerator)
        app.clock.wake()
        closed.await()
    }

    @Test fun `one that hangs and comes back is not used any more`() {
        app[GPU] = Behaviour(nanos = 1) { run, right ->
            right.also { if (run == 0) app.clock.hang() }
        }
        app.open().use { runner ->
            app.clock.wake()
            assertEquals(CPU, runner.choice.accelerator)
        }
    }

    @Test fun `one that drifts is passed over`() {
        app[GPU] = Behaviour(nanos = 1) { _, right -> FloatArray(3) { right[it] * 1.2f } }
        assertPassedOver("snr_db 13.98 is below 20.00")
    }

    @Test fun `one that takes other classes for the highest is passed over`() {
        val app = FakeApp(folder.root)
        app.spec = TestModel.spec("fp32", budgets = mapOf(GPU to Budget(agreement = 0.9)))
        app[GPU] = Behaviour(nanos = 1) { _, right -> right.reversedArray() }
        val reason = app.choose().reasonOf(GPU)
        assertTrue(reason, reason.startsWith("agreement 0."))
    }

    @Test fun `one that errs in one run of five is passed over, wherever it begins`() {
        for (begin in 0 until 5) {
            val app = FakeApp(folder.newFolder())
            app[GPU] = Behaviour(nanos = 1) { run, right ->
                if (run % 5 == begin) FloatArray(3) else right
            }
            val choice = app.choose()
            assertEquals(CPU, choice.accelerator)
            assertFalse(choice.trials[1].isCorrect)
        }
    }

    @Test fun `one that errs once in all its runs is passed over`() {
        app[GPU] = Behaviour(nanos = 1) { run, right ->
            if (run == 45) FloatArray(3) { right[it] + 0.2f } else right
        }
        assertPassedOver("run 46 answered sample 5 otherwise than the first time")
    }

    @Test fun `one that gives NaN is passed over`() {
        app[GPU] = Behaviour(nanos = 1) { run, right ->
            right.also { if (run == 3) it[1] = Float.NaN }
        }
        assertPassedOver("1 values of 24 are NaN or Inf")
    }

    @Test fun `one that gives NaN later is passed over`() {
        app[GPU] = Behaviour(nanos = 1) { run, right ->
            right.also { if (run == 20) it[1] = Float.NaN }
        }
        assertPassedOver("run 21 answered sample 4 otherwise than the first time")
    }

    @Test fun `one that is too slow to be proven is passed over`() {
        app[CPU] = Behaviour(nanos = 3_000_000_000)
        app[GPU] = Behaviour(nanos = 2_000_000_000)
        val choice = app.choose()
        assertEquals("it did 11 of 56 runs within 20 s", choice.reasonOf(GPU))
        assertEquals(CPU, choice.accelerator)
    }

    @Test fun `one that is unavailable is passed over and not loaded`() {
        app.device.unavailable[GPU] = "this device has none"
        assertPassedOver("this device has none")
        assertEquals(listOf(Candidate(CPU, "fp32")), app.device.loaded)
    }

    @Test fun `one without bounds is passed over and not loaded`() {
        app.spec = TestModel.spec("fp32", budgets = mapOf(CPU to Budget(snrDb = 80.0)))
        assertPassedOver("nothing says how near its answers have to be")
        assertEquals(listOf(Candidate(CPU, "fp32")), app.device.loaded)
    }

    @Test fun `the CPU is used even where it is wrong, and the choice says so`() {
        app[CPU] = Behaviour { _, right -> FloatArray(3) { right[it] * 1.5f } }
        app[GPU] = Behaviour { _, _ -> FloatArray(3) }
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        assertFalse(choice.isCorrect)
        assertEquals(
            "Nothing that may be used on this device was seen to answer as the trained model " +
                "does. The CPU is used all the same: snr_db 6.021 is below 80.00.",
            choice.reason,
        )
    }

    @Test fun `an accelerator that is right goes before a CPU that is wrong`() {
        app[CPU] = Behaviour(nanos = 1) { _, right -> FloatArray(3) { right[it] * 1.5f } }
        val choice = app.choose()
        assertEquals(GPU, choice.accelerator)
        assertTrue(choice.isCorrect)
    }

    @Test fun `the CPU is not known to be right where nothing says how near it has to be`() {
        app.spec = TestModel.spec("fp32", budgets = emptyMap())
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        assertFalse(choice.isCorrect)
    }

    @Test fun `a slow CPU that was right once is right`() {
        app[CPU] = Behaviour(nanos = 2_000_000_000)
        app[GPU] = Behaviour { _, _ -> FloatArray(3) }
        val choice = app.choose()
        assertEquals("right in all of 11 runs, 2000.00 ms each", choice.reasonOf(CPU))
        assertTrue(choice.isCorrect)
    }

    @Test fun `a CPU too slow for one golden is used, and not known to be right`() {
        app[CPU] = Behaviour(nanos = 5_000_000_000)
        app[GPU] = Behaviour { _, _ -> FloatArray(3) }
        val choice = app.choose()
        assertEquals("it did 5 of 56 runs within 20 s", choice.reasonOf(CPU))
        assertFalse(choice.isCorrect)
    }

    @Test fun `where even the CPU fails everything is told`() {
        app[CPU] = Behaviour(onLoad = { throw OutOfMemoryError("full") })
        app[GPU] = Behaviour { _, _ -> FloatArray(3) }
        val failure = assertThrows(ModelRunException::class.java) { app.choose() }
        assertEquals(
            "Nothing on this device can run Test. What was tried: " +
                "CPU with fp32: java.lang.OutOfMemoryError: full; " +
                "GPU with fp32: snr_db 0.000 is below 20.00; cosine 0.000 is below 0.9500; " +
                "NPU with fp32: nothing says how near its answers have to be.",
            failure.message!!.replace(Regex("; agreement [^;]*"), ""),
        )
    }

    @Test fun `an accelerator that is right makes up for a CPU that fails`() {
        app[CPU] = Behaviour(onLoad = { throw OutOfMemoryError("full") })
        assertEquals(GPU, app.choose().accelerator)
    }

    @Test fun `what is forbidden is not tried`() {
        app[GPU] = FAST
        val choice = app.choose(AcceleratorPolicy.without(GPU, NPU))
        assertEquals(CPU, choice.accelerator)
        assertEquals(listOf(CPU), choice.trials.map { it.accelerator })
        assertEquals(listOf(Candidate(CPU, "fp32")), app.device.loaded)
        assertTrue(choice.reason, choice.reason.endsWith("Allowed was anything but GPU and NPU."))
    }

    @Test fun `the CPU cannot be forbidden`() {
        assertThrows(IllegalArgumentException::class.java) { AcceleratorPolicy.without(GPU, CPU) }
    }

    @Test fun `one that is forced is used though it is slower`() {
        app[GPU] = Behaviour(nanos = 9_000_000)
        val choice = app.choose(AcceleratorPolicy.only(GPU))
        assertEquals(GPU, choice.accelerator)
        assertEquals(listOf(Candidate(GPU, "fp32")), app.device.loaded)
    }

    @Test fun `one that is forced and wrong is refused with the reason`() {
        app[GPU] = Behaviour { _, right -> FloatArray(3) { right[it] * 1.2f } }
        val failure = assertThrows(ModelRunException::class.java) {
            app.choose(AcceleratorPolicy.only(GPU))
        }
        assertEquals(
            "Nothing on this device can run Test. Allowed was only GPU. " +
                "What was tried: GPU with fp32: snr_db 13.98 is below 20.00.",
            failure.message,
        )
        assertEquals(0, app.device.open.size)
    }

    @Test fun `a forced CPU is used though it is wrong`() {
        app[CPU] = Behaviour { _, right -> FloatArray(3) { right[it] * 1.2f } }
        assertFalse(app.choose(AcceleratorPolicy.only(CPU)).isCorrect)
    }

    @Test fun `an interrupt ends the choice and leaves nothing loaded`() {
        val hanging = CountDownLatch(1)
        val closed = CountDownLatch(1)
        app[GPU] = Behaviour(
            nanos = 1,
            onClose = { closed.countDown() },
        ) { _, right ->
            hanging.countDown()
            // The clock is not told: this is one that takes long.
            Thread.sleep(1)
            right
        }
        val thrown = AtomicReference<Throwable>()
        val chooser = thread {
            try {
                app.choose()
            } catch (failure: Throwable) {
                thrown.set(failure)
            }
        }
        hanging.await()
        chooser.interrupt()
        chooser.join()
        assertTrue("${thrown.get()}", thrown.get() is InterruptedException)
        closed.await()
        app[GPU] = FAST
        assertEquals("no note says that the app ended", GPU, app.choose().accelerator)
    }

    @Test fun `an interrupt ends the wait for another thread's choice`() {
        val choosing = CountDownLatch(1)
        val goOn = CountDownLatch(1)
        app[CPU] = Behaviour(onLoad = { choosing.countDown().also { goOn.await() } })
        val first = thread { app.choose() }
        choosing.await()
        val thrown = AtomicReference<Throwable>()
        val second = thread { thrown.set(runCatching { app.choose() }.exceptionOrNull()) }
        while (second.state != Thread.State.WAITING) Thread.yield()
        second.interrupt()
        second.join()
        assertTrue("${thrown.get()}", thrown.get() is InterruptedException)
        goOn.countDown()
        first.join()
    }

    @Test fun `eight threads that create the model at once try everything once`() {
        app[GPU] = FAST
        val choices = arrayOfNulls<AcceleratorChoice>(8)
        List(8) { thread { choices[it] = app.choose() } }.forEach { it.join() }
        assertEquals(setOf(GPU), choices.map { it!!.accelerator }.toSet())
        assertEquals(1, choices.count { !it!!.remembered })
        assertEquals(1, app.device.loaded.count { it.accelerator == CPU })
        assertEquals(8, app.device.loaded.count { it.accelerator == GPU })
    }

    @Test fun `an interrupt that comes too late closes what was loaded`() {
        val late = object : Clock by app.clock {
            override fun await(latch: CountDownLatch, nanos: Long): Boolean {
                latch.await()
                throw InterruptedException()
            }
        }
        assertThrows(InterruptedException::class.java) { app.open(clock = late) }
        assertEquals(listOf(Candidate(CPU, "fp32")), app.device.loaded)
        assertNoThreadIsLeft()
        assertEquals(0, app.device.open.size)
    }

    @Test fun `no thread is left of what was tried`() {
        app[GPU] = FAST
        app.choose()
        app.folder.listFiles()!!.forEach { it.delete() }
        app[GPU] = Behaviour(onLoad = { error("none") })
        app.choose()
        assertNoThreadIsLeft()
    }

    private fun assertNoThreadIsLeft() {
        Thread.getAllStackTraces().keys.filter { it.name.startsWith("mobilekit Test") }
            .forEach { it.join() }
    }

    @Test fun `the first round does not count, for devices warm up`() {
        app[GPU] = Behaviour(nanos = 100_000) { run, right ->
            right.also { if (run < 8) app.clock.advance(50_000_000) }
        }
        val limits = TrialLimits(rounds = 2, runs = 0)
        val choice = app.open(limits = limits).use { it.choice }
        assertEquals(0.1, choice.trials[1].medianMillis!!, 0.0)
    }

    @Test fun `what never ran has no time`() {
        app[GPU] = Behaviour(onLoad = { error("none") })
        assertNull(app.choose().trials[1].medianMillis)
    }

    private fun assertPassedOver(reason: String, stillOpen: Int = 0) {
        val choice = app.choose()
        assertEquals(CPU, choice.accelerator)
        assertTrue(choice.isCorrect)
        val told = choice.reasonOf(GPU)
        assertTrue(told, told.startsWith(reason))
        assertEquals(stillOpen, app.device.open.size)
    }
}
