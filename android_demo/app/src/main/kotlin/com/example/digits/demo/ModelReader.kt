package com.example.digits.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import com.example.digits.AcceleratorPolicy
import com.example.digits.DigitClassifier

/** Reads digits with the generated class. */
internal class ModelReader private constructor(
    private val classifier: DigitClassifier,
) : DigitReader {
    override val choice: Choice = with(classifier.choice) {
        Choice(accelerator.name, variant, reason)
    }

    override fun read(image: DigitImage): Reading {
        val best = classifier.classify(image.toBitmap()).first()
        return Reading(best.label, best.score)
    }

    override fun close() = classifier.close()

    companion object {
        /** Opens the model with the fastest accelerator that is right on this device. */
        suspend fun open(context: Context): ModelReader {
            val policy = AcceleratorPolicy.fastestCorrect()
            return ModelReader(DigitClassifier.createSuspending(context, policy))
        }
    }
}

/** Returns the image as the model wants it: ink is white, paper black. */
internal fun DigitImage.toBitmap(): Bitmap {
    val colours = IntArray(grey.size) { Color.rgb(grey[it], grey[it], grey[it]) }
    return Bitmap.createBitmap(colours, DigitImage.SIDE, DigitImage.SIDE, Bitmap.Config.ARGB_8888)
}
