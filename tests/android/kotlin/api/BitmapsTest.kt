package com.example.api

import android.graphics.Bitmap
import android.graphics.Color
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
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

    @Test
    fun everyKindOfInputAndOutputAtOnce() {
        val engine = StandInEngine(
            5,
            listOf(
                floatArrayOf(0.1f, 0.7f, 0.2f),
                floatArrayOf(0.25f),
                FloatArray(80) { it / 80f },
                longArrayOf(1L shl 40, -1),
                booleanArrayOf(true, false, true, false),
            ),
        )
        val mixer = Mixer(engine.runner(), indexLabels(3), listOf("dark", "bright"))
        val answer = mixer.predict(
            picture = bitmap(5, 9),
            left = ShortArray(30) { -16384 },
            right = ShortArray(30) { 16384 },
            time = longArrayOf(Long.MAX_VALUE, 2),
            onInput = booleanArrayOf(false, true, false, true),
            topK = 1,
        )
        // Bytes of whole planes, red first.
        val red = 255.toByte()
        val blue = 127.toByte()
        val planes = ByteArray(240) { if (it < 80) red else if (it < 160) 0 else blue }
        assertArrayEquals(planes, engine.written[0] as ByteArray)
        assertEquals(-0.5f, (engine.written[1] as FloatArray)[0])
        assertEquals(0.5f, (engine.written[2] as FloatArray)[0])
        assertEquals(Long.MAX_VALUE, (engine.written[3] as LongArray)[0])
        assertTrue((engine.written[4] as BooleanArray)[1])
        assertEquals(listOf("1"), answer.loud.map { it.label })
        assertEquals(listOf("dark"), answer.bright.map { it.label })
        assertEquals(79 / 80f, answer.shade.value(7, 9))
        assertArrayEquals(longArrayOf(1L shl 40, -1), answer.later)
        assertTrue(answer.off[2])
    }
}
