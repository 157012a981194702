package com.example.digits

import android.graphics.Bitmap
import java.io.File
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** Classifies pictures `WIDTHxHEIGHT-NAME.rgba` in a folder, and writes what came of them. */
@RunWith(RobolectricTestRunner::class)
class ClassifyPictures {
    @Test
    fun classify() {
        val folder = File(System.getProperty("assets"))
        val assets = FolderAssets(folder)
        val runner = ModelRunner.open(
            DigitClassifierSpec.model,
            assets,
            LiteRtEngineLoader(FolderPlace(folder)),
            AcceleratorPolicy.only(Accelerator.CPU),
            File(System.getProperty("memory")),
            Device("JVM", "1"),
        )
        val labels = readLabels(assets, "mobilekit/DigitClassifier/labels-0.txt", 10)
        val lines = DigitClassifier(runner, labels).use { model ->
            val pictures = File(System.getProperty("pictures")).listFiles().orEmpty()
            pictures.sortedBy { it.name }.flatMap { file ->
                model.classify(bitmap(file), topK = 10).map {
                    "${file.name}\t${it.label}\t${it.score.toRawBits().toUInt()}"
                }
            }
        }
        File(System.getProperty("answers")).writeText(lines.joinToString("\n"))
    }

    private fun bitmap(file: File): Bitmap {
        val (width, height) = file.name.substringBefore('-').split('x').map(String::toInt)
        val bytes = file.readBytes().map { it.toInt() and 0xFF }
        val pixels = bytes.chunked(4) { (red, green, blue, alpha) ->
            (alpha shl 24) or (red shl 16) or (green shl 8) or blue
        }
        val colours = pixels.toIntArray()
        return Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888)
    }
}
