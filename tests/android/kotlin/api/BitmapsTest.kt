package com.example.api

import android.graphics.Bitmap
import android.graphics.Color
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/** Bitmaps and assets, with Android's own classes. */
@RunWith(RobolectricTestRunner::class)
class BitmapsTest {
    private val assets = AndroidModelAssets(RuntimeEnvironment.getApplication().assets)
    private val asset = "mobilekit/FruitClassifier/labels-0.txt"
    private val labels = readLabels(assets, asset, 5)
    private val scores = floatArrayOf(0.1f, 0.2f, 0.4f, 0.3f, 0f)
    private val engine = StandInEngine(1, listOf(scores))
    private val fruit = FruitClassifier(engine.runner(), labels)

    private fun bitmap(width: Int, height: Int): Bitmap =
        Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888).apply {
            eraseColor(Color.rgb(255, 0, 127))
        }

    @Test
    fun aBitmapOfAnySizeIsClassified() {
        for ((width, height) in listOf(16 to 24, 1 to 1, 640 to 480)) {
            val best = fruit.classify(bitmap(width, height), topK = 2)
            assertEquals(listOf("\$5 \"cherry\"", "dâtte"), best.map { it.label })
            val values = engine.written[0] as FloatArray
            assertEquals(24 * 16 * 3, values.size)
            assertEquals(1f, values[0], 1e-6f)
            assertEquals(-1f, values[1], 1e-6f)
            assertEquals(127 / 127.5f - 1, values[2], 1e-6f)
        }
    }

    @Test
    fun aRecycledBitmapIsRefused() {
        val bitmap = bitmap(4, 4).apply { recycle() }
        assertThrows(IllegalArgumentException::class.java) { fruit.classify(bitmap) }
        assertEquals(0, engine.runs)
    }

    @Test
    fun aBitmapBecomesAMask() {
        val engine = StandInEngine(1, listOf(FloatArray(12 * 8 * 3) { (it % 3).toFloat() }))
        val mask = Segmenter(engine.runner()).segment(bitmap(31, 17))
        assertEquals(8, mask.width)
        assertEquals(12, mask.height)
        assertEquals(2, mask.bestClass(7, 11))
        // BGR: blue comes first.
        assertEquals(127 / 255f, (engine.written[0] as FloatArray)[0], 1e-6f)
    }
}
