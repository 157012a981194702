package com.example.digits.demo

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn

/** Reads digits from images. */
internal interface DigitReader : AutoCloseable {
    /** What runs the model, which file of it, and why. */
    val choice: Choice

    fun read(image: DigitImage): Reading
}

internal class Choice(val accelerator: String, val variant: String, val reason: String)

/** The likeliest digit and its score, from 0 to 1. */
internal class Reading(val label: String, val score: Float)

/** What there is to show. */
internal sealed interface Recognition {
    /** The model is ready. */
    class Ready(val choice: Choice) : Recognition

    /** There is no drawing. */
    data object Nothing : Recognition

    /** A drawing was read, which took some milliseconds. */
    class Read(val image: DigitImage, val reading: Reading, val millis: Double) : Recognition
}

/**
 * Reads drawings one after another. While one is read, newer ones replace those that wait.
 *
 * @param open makes the reader, which may take long.
 * @param dispatcher where everything runs.
 */
internal class Recogniser(
    private val open: suspend () -> DigitReader,
    private val dispatcher: CoroutineDispatcher = Dispatchers.Default,
) {
    private val latest = Channel<Drawing>(Channel.CONFLATED)

    /** Takes a drawing; returns at once. */
    fun recognise(drawing: Drawing) {
        latest.trySend(drawing)
    }

    /** Opens a reader, and closes it when nobody collects any more. Only one may collect. */
    val recognitions: Flow<Recognition> = flow {
        open().use { reader ->
            emit(Recognition.Ready(reader.choice))
            for (drawing in latest) {
                emit(if (drawing.isEmpty) Recognition.Nothing else reader.timed(drawing))
            }
        }
    }.flowOn(dispatcher)

    private fun DigitReader.timed(drawing: Drawing): Recognition {
        val image = DigitImage.of(drawing)
        val began = System.nanoTime()
        val reading = read(image)
        return Recognition.Read(image, reading, (System.nanoTime() - began) / 1e6)
    }
}
