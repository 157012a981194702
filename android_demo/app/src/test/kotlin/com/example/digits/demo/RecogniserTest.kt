package com.example.digits.demo

import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class RecogniserTest {
    @Test
    fun theLatestDrawingWins() = runBlocking {
        val reader = FakeReader()
        val recogniser = Recogniser({ reader })
        val shown = Channel<Recognition>(Channel.UNLIMITED)
        val job = launch { recogniser.recognitions.collect(shown::send) }

        assertSame(reader.choice, (shown.receive() as Recognition.Ready).choice)
        recogniser.recognise(SLASH)
        reader.awaitBegin()
        repeat(5) { recogniser.recognise(SLASH) }
        recogniser.recognise(LEVEL)
        reader.mayEnd.release(2)

        assertArrayOf(SLASH, shown.receive())
        assertArrayOf(LEVEL, shown.receive())
        assertEquals(2, reader.reads)
        job.cancelAndJoin()
    }

    @Test
    fun anEmptyDrawingIsNotRead() = runBlocking {
        val reader = FakeReader()
        val recogniser = Recogniser({ reader })
        val shown = Channel<Recognition>(Channel.UNLIMITED)
        val job = launch { recogniser.recognitions.collect(shown::send) }

        recogniser.recognise(Drawing(emptyList()))
        assertTrue(shown.receive() is Recognition.Ready)
        assertSame(Recognition.Nothing, shown.receive())
        assertEquals(0, reader.reads)
        job.cancelAndJoin()
    }

    @Test
    fun theReaderIsClosedWhenNobodyLooksAnyMore() = runBlocking {
        val reader = FakeReader()
        val recogniser = Recogniser({ reader })
        val shown = Channel<Recognition>(Channel.UNLIMITED)
        val job = launch { recogniser.recognitions.collect(shown::send) }
        shown.receive()
        recogniser.recognise(SLASH)
        reader.awaitBegin()

        val ending = launch(Dispatchers.Default) { job.cancelAndJoin() }
        assertFalse("It is closed while it reads.", reader.isClosed)
        reader.mayEnd.release()
        ending.join()
        assertTrue(reader.isClosed)
    }

    @Test
    fun whatTheReaderThrowsIsSeenWhereItIsShown() {
        val recogniser = Recogniser({ error("no model") })
        val thrown = assertThrows(IllegalStateException::class.java) {
            runBlocking { recogniser.recognitions.collect {} }
        }
        assertEquals("no model", thrown.message)
    }

    @Test
    fun nothingRunsOnTheThreadThatShows() = runBlocking {
        val caller = Thread.currentThread()
        val threads = mutableListOf<Thread>()
        val reader = FakeReader(onCall = { threads += Thread.currentThread() })
        reader.mayEnd.release()
        val recogniser = Recogniser({ reader.also { threads += Thread.currentThread() } })
        val shown = Channel<Recognition>(Channel.UNLIMITED)
        val job = launch(start = CoroutineStart.UNDISPATCHED) {
            recogniser.recognitions.collect {
                assertSame(caller, Thread.currentThread())
                shown.send(it)
            }
        }
        recogniser.recognise(SLASH)
        repeat(2) { shown.receive() }
        job.cancelAndJoin()
        assertEquals("open, read, close", 3, threads.size)
        assertFalse(caller in threads)
    }

    private fun assertArrayOf(drawing: Drawing, recognition: Recognition) {
        val read = recognition as Recognition.Read
        assertEquals(DigitImage.of(drawing).grey.toList(), read.image.grey.toList())
        assertEquals(read.image.grey.sum().toString(), read.reading.label)
        assertTrue(read.millis >= 0)
    }

    private class FakeReader(private val onCall: () -> Unit = {}) : DigitReader {
        private val begun = Semaphore(0)
        val mayEnd = Semaphore(0)

        @Volatile var reads = 0

        @Volatile var isClosed = false

        override val choice = Choice("CPU", "tflite-fp16", "It is the only one.")

        fun awaitBegin() = assertTrue(begun.tryAcquire(10, TimeUnit.SECONDS))

        override fun read(image: DigitImage): Reading {
            onCall()
            reads++
            begun.release()
            assertTrue(mayEnd.tryAcquire(10, TimeUnit.SECONDS))
            return Reading(image.grey.sum().toString(), 0.5f)
        }

        override fun close() {
            onCall()
            isClosed = true
        }
    }

    private companion object {
        val SLASH = Drawing(listOf(floatArrayOf(0f, 1f, 0.2f, 0f)))
        val LEVEL = Drawing(listOf(floatArrayOf(0f, 0f, 1f, 0f)))
    }
}
