package com.example.api

import com.sun.management.ThreadMXBean
import java.lang.management.ManagementFactory
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.Future
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

private const val CALLS = 10_000

/** Calls from many threads, from coroutines, and many of them. */
class ThreadsTest {
    /** Answers with the mean of the inputs, and takes its time. */
    private val engine = StandInEngine(1, listOf(FloatArray(16))) { inputs, outputs ->
        Thread.yield()
        val mean = (inputs[0] as FloatArray).average().toFloat()
        (outputs[0] as FloatArray).fill(mean)
    }
    private val embedder = Embedder(engine.runner())

    @Test
    fun everyThreadGetsItsOwnAnswers() {
        val pool = Executors.newFixedThreadPool(8)
        try {
            val answers: List<Future<Boolean>> = (0 until 8).map { thread ->
                pool.submit<Boolean> {
                    (0 until 200).all { call ->
                        val value = (thread * 1000 + call).toFloat()
                        embedder.embed(FloatArray(20) { value }).all { it == value }
                    }
                }
            }
            assertTrue(answers.all { it.get(30, TimeUnit.SECONDS) })
        } finally {
            pool.shutdownNow()
        }
        assertEquals(1600, engine.runs)
    }

    @Test
    fun soundOfManyThreadsIsNotMixed() {
        val engine = StandInEngine(1, listOf(FloatArray(1))) { inputs, outputs ->
            Thread.yield()
            (outputs[0] as FloatArray)[0] = (inputs[0] as FloatArray).average().toFloat()
        }
        val spotter = WordSpotter(engine.runner(), indexLabels(2))
        val pool = Executors.newFixedThreadPool(4)
        try {
            val answers = (0 until 4).map { thread ->
                pool.submit<Boolean> {
                    (0 until 200).all {
                        val level = 0.5f + thread / 16f
                        spotter.classify(FloatArray(400) { level }, topK = 1)[0].score == level
                    }
                }
            }
            assertTrue(answers.all { it.get(30, TimeUnit.SECONDS) })
        } finally {
            pool.shutdownNow()
        }
    }

    @Test
    fun aSuspendingCallRunsWhereItIsTold() {
        val pool = Executors.newSingleThreadExecutor { Thread(it, "of the test") }
        var ranOn = ""
        val engine = StandInEngine(1, listOf(FloatArray(16))) { _, _ ->
            ranOn = Thread.currentThread().name
        }
        pool.asCoroutineDispatcher().use { dispatcher ->
            val embedding = runBlocking {
                Embedder(engine.runner()).embedSuspending(FloatArray(20), dispatcher)
            }
            assertEquals(16, embedding.size)
        }
        assertTrue(ranOn, ranOn.startsWith("of the test"))
    }

    @Test
    fun suspendingCallsGiveWhatBlockingOnesGive() = runBlocking {
        val answers = (0 until 50).map { call ->
            async(Dispatchers.Default) { embedder.embedSuspending(FloatArray(20) { call + 1f })[0] }
        }
        assertEquals((1..50).map { it.toFloat() }, answers.map { it.await() })
    }

    @Test
    fun aSuspendingCallThrowsWhatABlockingOneThrows() {
        assertThrows(IllegalArgumentException::class.java) {
            runBlocking { embedder.embedSuspending(FloatArray(21)) }
        }
        embedder.close()
        assertThrows(IllegalStateException::class.java) {
            runBlocking { embedder.embedSuspending(FloatArray(20)) }
        }
    }

    @Test
    fun aCancelledCallEndsAndTheModelGoesOn() = runBlocking {
        val isRunning = CountDownLatch(1)
        val mayEnd = CountDownLatch(1)
        val engine = StandInEngine(1, listOf(FloatArray(16))) { _, _ ->
            isRunning.countDown()
            mayEnd.await()
        }
        val embedder = Embedder(engine.runner())
        var thrown: Throwable? = null
        val job = launch(Dispatchers.IO) {
            try {
                embedder.embedSuspending(FloatArray(20))
            } catch (cancelled: CancellationException) {
                thrown = cancelled
                throw cancelled
            }
        }
        isRunning.await()
        job.cancel()
        mayEnd.countDown()
        job.join()
        assertTrue(thrown is CancellationException)
        assertEquals(16, embedder.embed(FloatArray(20)).size)
    }

    @Test
    fun runAllocatesNothing() {
        val engine = object : Engine by StandInEngine(1, listOf(FloatArray(16))) {
            override fun write(input: Int, values: FloatArray) = Unit
            override fun invoke() = Unit
            override fun read(output: Int, into: FloatArray) = Unit
        }
        val embedder = Embedder(ModelRunner(engine, thread = null, this.embedder.choice))
        val features = FloatArray(20)
        val embedding = FloatArray(16)
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        val id = Thread.currentThread().id
        repeat(100) { embedder.run(features, embedding) }
        val before = threads.getThreadAllocatedBytes(id)
        repeat(CALLS) { embedder.run(features, embedding) }
        val bytes = threads.getThreadAllocatedBytes(id) - before
        assertTrue("$bytes bytes in $CALLS calls", bytes < CALLS)
    }
}
