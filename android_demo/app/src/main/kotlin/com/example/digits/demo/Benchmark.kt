package com.example.digits.demo

import android.content.Context
import com.example.digits.Accelerator
import com.example.digits.AcceleratorPolicy
import com.example.digits.CorruptedModelException
import com.example.digits.DigitClassifier
import com.example.digits.ModelRunException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext

/** What came of an accelerator. */
internal sealed interface BenchmarkResult {
    /**
     * It ran.
     *
     * @property doubt why its answers are not trusted, or null.
     */
    class Timed(
        val calls: Int,
        val readyMillis: Double,
        val medianMillis: Double,
        val slowMillis: Double,
        val doubt: String?,
    ) : BenchmarkResult

    /** It cannot be used on this device. */
    class Unusable(val reason: String) : BenchmarkResult
}

/** Times many calls on one accelerator, away from the caller's thread. */
internal suspend fun benchmark(context: Context, accelerator: Accelerator): BenchmarkResult =
    withContext(Dispatchers.Default) {
        val began = System.nanoTime()
        try {
            DigitClassifier.create(context, AcceleratorPolicy.only(accelerator)).use { classifier ->
                val ready = (System.nanoTime() - began) / 1e6
                val timing = time(classifier)
                BenchmarkResult.Timed(
                    calls = timing.calls,
                    readyMillis = ready,
                    medianMillis = timing.median,
                    slowMillis = timing.percentile(0.9),
                    doubt = classifier.choice.run { if (isCorrect) null else reason },
                )
            }
        } catch (error: ModelRunException) {
            BenchmarkResult.Unusable(error.message.orEmpty())
        } catch (error: CorruptedModelException) {
            BenchmarkResult.Unusable(error.message.orEmpty())
        }
    }

private suspend fun time(classifier: DigitClassifier): Timing {
    val bitmap = DigitImage.of(SEVEN).toBitmap()
    val nanos = LongArray(CALLS)
    for (call in -WARM_UP until CALLS) {
        currentCoroutineContext().ensureActive()
        val began = System.nanoTime()
        classifier.classify(bitmap)
        if (call >= 0) nanos[call] = System.nanoTime() - began
    }
    return Timing(nanos)
}

private const val WARM_UP = 20
private const val CALLS = 200
private val SEVEN = Drawing(listOf(floatArrayOf(0.2f, 0.1f, 0.8f, 0.1f, 0.4f, 0.9f)))
