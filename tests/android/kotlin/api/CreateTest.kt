package com.example.api

import android.content.Context
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.Runnable
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/** From an app's context to an answer, with the module's own assets. */
@RunWith(RobolectricTestRunner::class)
class CreateTest {
    private val context: Context = RuntimeEnvironment.getApplication()

    @Before
    fun forget() {
        StandInDevice.engines.clear()
    }

    @Test
    fun aModelIsCreatedAndAnswers() {
        val scores = FloatArray(5)
        FruitClassifier.create(context).use { fruit ->
            assertEquals("\$5 \"cherry\"", fruit.labels[2])
            assertEquals(Accelerator.CPU, fruit.choice.accelerator)
            assertTrue(fruit.choice.reason, fruit.choice.isCorrect)
            fruit.run(golden(FruitClassifierSpec.model.golden.inputs, 24 * 16 * 3), scores)
        }
        assertArrayEquals(golden(FruitClassifierSpec.model.golden.outputs, 5), scores, 0f)
        assertTrue(StandInDevice.engines.all { it.isClosed })
    }

    @Test
    fun theRuntimesErrorsReachTheCaller() {
        Embedder.create(context).use { embedder ->
            val error = assertThrows(ModelRunException::class.java) {
                embedder.embed(FloatArray(20))
            }
            assertEquals("The stand-in does not know this input.", error.message)
        }
    }

    @Test
    fun whatIsForbiddenIsNotUsed() {
        assertThrows(ModelRunException::class.java) {
            Embedder.create(context, AcceleratorPolicy.only(Accelerator.GPU))
        }
    }

    @Test
    fun aModelIsCreatedInACoroutine() {
        val features = golden(EmbedderSpec.model.golden.inputs, 20)
        val embedding = runBlocking {
            Embedder.createSuspending(context).use { it.embedSuspending(features) }
        }
        assertArrayEquals(golden(EmbedderSpec.model.golden.outputs, 16), embedding, 0f)
    }

    @Test
    fun whatNobodyWantsAnyMoreIsClosed() {
        val job = Job()
        val caller = ByHand()
        val worker = ByHand()
        var created: Embedder? = null
        CoroutineScope(job + caller).launch {
            created = Embedder.createSuspending(context, dispatcher = worker)
        }
        caller.runWaiting()
        worker.runWaiting()
        // The model is there, and its caller does not have it yet.
        assertFalse(StandInDevice.engines.all { it.isClosed })
        job.cancel()
        caller.runWaiting()
        assertEquals(null, created)
        assertTrue(StandInDevice.engines.all { it.isClosed })
    }

    /** Runs what is dispatched when the test says so. */
    private class ByHand : CoroutineDispatcher() {
        private val waiting = ArrayDeque<Runnable>()

        override fun dispatch(context: CoroutineContext, block: Runnable) {
            waiting += block
        }

        fun runWaiting() {
            check(waiting.isNotEmpty()) { "Nothing waits." }
            while (waiting.isNotEmpty()) waiting.removeFirst().run()
        }
    }

    /** The first sample of a golden's only tensor. */
    private fun golden(assets: List<String>, size: Int): FloatArray {
        val bytes = context.assets.open(assets.single()).use { it.readBytes() }
        val values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(size).also { values.get(it) }
    }
}
