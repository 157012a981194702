package com.example.digits

import com.example.digits.Accelerator.CPU
import com.example.digits.Accelerator.GPU
import com.sun.management.ThreadMXBean
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotSame
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.junit.runners.Parameterized
import java.lang.management.ManagementFactory
import java.util.Random
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicReference
import kotlin.concurrent.thread

/** Calls from any thread: of an engine that any may use, and of one that is bound to its own. */
@RunWith(Parameterized::class)
class ModelRunnerTest(accelerator: Accelerator) {
    @get:Rule val folder = TemporaryFolder()

    private val isBound = accelerator != CPU
    private val policy = AcceleratorPolicy.only(accelerator)
    private val app by lazy { FakeApp(folder.root) }
    private val runner by lazy { app.open(policy) }

    @After fun nothingIsMisused() {
        runner.close()
        assertEquals(emptyList<String>(), app.device.faults)
        assertEquals(emptyList<Any>(), app.device.open)
    }

    /** One call, on arrays of its own. */
    private class Call(private val input: FloatArray) : Work {
        val output = FloatArray(TestModel.OUTPUTS)

        override fun on(engine: Engine) {
            engine.write(0, input)
            engine.invoke()
            engine.read(0, output)
        }
    }

    @Test fun `answers of eight threads belong to their inputs`() {
        val failures = AtomicReference<Throwable>()
        List(8) { seed ->
            thread {
                try {
                    val random = Random(seed.toLong())
                    repeat(500) {
                        val input = FloatArray(TestModel.INPUTS) { random.nextFloat() }
                        val call = Call(input)
                        runner.run(call)
                        assertArrayEquals(TestModel.answer(input), call.output, 0f)
                    }
                } catch (failure: Throwable) {
                    failures.set(failure)
                }
            }
        }.forEach { it.join() }
        failures.get()?.let { throw it }
    }

    @Test fun `work is done on the calling thread, or on the engine's`() {
        val threads = HashSet<Thread>()
        repeat(3) { runner.run { threads += Thread.currentThread() } }
        val used = threads.single()
        assertEquals(!isBound, used === Thread.currentThread())
        if (isBound) {
            assertEquals("mobilekit Test GPU", used.name)
            assertTrue(used.isDaemon)
            runner.close()
            used.join()
        }
    }

    @Test fun `ten thousand calls allocate nothing`() {
        val call = Call(TestModel.samples.first())
        val threads = HashSet<Long>()
        threads += Thread.currentThread().id
        runner.run { threads += Thread.currentThread().id }
        repeat(20_000) { runner.run(call) }
        val none = allocated(threads) { repeat(10_000) { call.output[0] = 0f } }
        val some = allocated(threads) { repeat(10_000) { runner.run(call) } }
        assertEquals(none, some)
        assertEquals(if (isBound) 2 else 1, threads.size)
    }

    private inline fun allocated(threads: Set<Long>, action: () -> Unit): Long {
        val beans = ManagementFactory.getThreadMXBean() as ThreadMXBean
        val ids = threads.toLongArray()
        beans.getThreadAllocatedBytes(ids)
        val before = beans.getThreadAllocatedBytes(ids).sum()
        action()
        return beans.getThreadAllocatedBytes(ids).sum() - before
    }

    @Test fun `ten thousand calls leave no thread behind`() {
        runner.run {}
        val before = Thread.getAllStackTraces().keys
        repeat(10_000) { runner.run {} }
        assertEquals(emptySet<Thread>(), Thread.getAllStackTraces().keys - before)
    }

    @Test fun `what the work throws reaches the caller as it is`() {
        val thrown = AtomicReference<Throwable>()
        val caught = assertThrows(IllegalArgumentException::class.java) {
            runner.run { throw IllegalArgumentException("x[3] is NaN").also(thrown::set) }
        }
        assertSame(thrown.get(), caught)
        val here = Throwable().stackTrace.first().methodName
        assertTrue("the caller is in the trace", caught.stackTrace.any { it.methodName == here })
        val call = Call(TestModel.samples.first())
        runner.run(call)
        assertArrayEquals(TestModel.answer(TestModel.samples.first()), call.output, 0f)
    }

    @Test fun `an error of the work reaches the caller too`() {
        assertThrows(StackOverflowError::class.java) { runner.run { throw StackOverflowError() } }
        runner.run {}
    }

    @Test fun `an interrupted caller still gets its answer, and stays interrupted`() {
        val call = Call(TestModel.samples.first())
        runner.run {}
        Thread.currentThread().interrupt()
        runner.run(call)
        assertTrue(Thread.interrupted())
        assertArrayEquals(TestModel.answer(TestModel.samples.first()), call.output, 0f)
    }

    @Test fun `an interrupt while the work runs does not end the wait for it`() {
        val running = CountDownLatch(1)
        val goOn = CountDownLatch(1)
        var wasDone = false
        var wasInterrupted = false
        val caller = thread {
            runner.run {
                running.countDown()
                awaitSteadily(goOn)
                wasDone = true
            }
            wasInterrupted = wasDone && Thread.interrupted()
        }
        running.await()
        caller.interrupt()
        goOn.countDown()
        caller.join()
        assertTrue(wasDone)
        assertTrue(wasInterrupted)
    }

    @Test fun `close waits for the call that runs`() {
        val running = CountDownLatch(1)
        val goOn = CountDownLatch(1)
        val caller = thread {
            runner.run {
                running.countDown()
                awaitSteadily(goOn)
                assertEquals(1, app.device.open.size)
            }
        }
        running.await()
        val closer = thread { runner.close() }
        awaitBlocked(closer)
        assertEquals(1, app.device.open.size)
        goOn.countDown()
        caller.join()
        closer.join()
        assertEquals(0, app.device.open.size)
    }

    @Test fun `callers that wait while it is closed are answered or refused`() {
        runner.run {}
        val answered = AtomicInteger()
        val refusals = ConcurrentLinkedQueue<String>()
        val callers = List(8) {
            thread {
                val call = Call(TestModel.samples[it])
                try {
                    while (true) {
                        runner.run(call)
                        answered.incrementAndGet()
                    }
                } catch (closed: IllegalStateException) {
                    refusals += closed.message!!
                }
            }
        }
        while (answered.get() < 100) Thread.yield()
        runner.close()
        callers.forEach { it.join() }
        assertEquals(List(8) { "The model was closed." }, refusals.toList())
    }

    @Test fun `calls after close are refused`() {
        runner.close()
        val refused = assertThrows(IllegalStateException::class.java) { runner.run {} }
        assertEquals("The model was closed.", refused.message)
    }

    @Test fun `closing twice is fine`() {
        runner.close()
        runner.close()
        assertEquals(emptyList<String>(), app.device.faults)
    }

    @Test fun `closing from within a call is refused`() {
        val refused = assertThrows(IllegalStateException::class.java) {
            runner.run { runner.close() }
        }
        assertEquals("close() was called from within a call of the same model.", refused.message)
        assertEquals(1, app.device.open.size)
        runner.run {}
    }

    @Test fun `a call from within a call is refused`() {
        val refused = assertThrows(IllegalStateException::class.java) {
            runner.run { runner.run {} }
        }
        assertEquals("run() was called from within a call of the same model.", refused.message)
        runner.run {}
    }

    @Test fun `a call of another model from within a call is fine`() {
        app.open(policy).use { other ->
            val call = Call(TestModel.samples.first())
            runner.run { other.run(call) }
            assertArrayEquals(TestModel.answer(TestModel.samples.first()), call.output, 0f)
        }
    }

    @Test fun `an engine that throws when it is closed is closed all the same`() {
        val accelerator = runner.choice.accelerator
        app[accelerator] = Behaviour(onClose = { throw ModelRunException("lost") })
        val other = app.open(policy)
        assertNotSame(runner, other)
        assertThrows(ModelRunException::class.java) { other.close() }
        other.close()
        assertThrows(IllegalStateException::class.java) { other.run {} }
    }

    /** Waits whether it is interrupted or not, as a runtime does. */
    private fun awaitSteadily(latch: CountDownLatch) {
        while (latch.count > 0) Thread.yield()
    }

    private fun awaitBlocked(waiting: Thread) {
        while (waiting.state != Thread.State.BLOCKED && waiting.state != Thread.State.WAITING) {
            Thread.yield()
        }
    }

    companion object {
        @JvmStatic
        @Parameterized.Parameters(name = "{0}")
        fun accelerators(): List<Accelerator> = listOf(CPU, GPU)
    }
}
