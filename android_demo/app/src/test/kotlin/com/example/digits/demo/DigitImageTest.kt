package com.example.digits.demo

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class DigitImageTest {
    @Test
    fun aDrawingsPlaceAndSizeDoNotMatter() {
        val two = floatArrayOf(2f, 3.1f, 4.3f, 1f, 6.2f, 3.4f, 2.1f, 9f, 6.7f, 8.8f)
        val moved = FloatArray(two.size) { 20f * two[it] + if (it % 2 == 0) 300f else 70f }
        assertArrayEquals(image(two).grey, image(moved).grey)
    }

    @Test
    fun everyImageHoldsAsMuchInkAsTheDigitsThatTheModelLearntFrom() {
        val drawings = listOf(
            floatArrayOf(5f, 0f, 5.7f, 3f, 5.2f, 9f),
            floatArrayOf(4f, 0f, 6f, 3f, 5f, 8f, 1f, 9f, 0f, 4f, 4.1f, 0.3f),
        )
        for (drawing in drawings) {
            // Cells at the same distance are inked together, so that there may be a few more.
            assertEquals(311.0, 16 * image(drawing).grey.sum() / 255.0, 12.0)
        }
    }

    @Test
    fun aSlantIsTakenBack() {
        val upright = image(floatArrayOf(5f, 0f, 5f, 9f))
        assertArrayEquals(upright.grey, image(floatArrayOf(7f, 0f, 4f, 9f)).grey)
    }

    @Test
    fun aHighDrawingStaysHigh() {
        val one = image(floatArrayOf(5f, 0f, 5.1f, 9f))
        for (row in 0 until 8) {
            assertEquals("the left edge of row $row", 0, one.grey[8 * row])
            assertEquals("the right edge of row $row", 0, one.grey[8 * row + 7])
            assertTrue("the middle of row $row", one.grey[8 * row + 3] > 100)
        }
    }

    @Test
    fun strokesAreNotJoined() {
        val joined = image(floatArrayOf(0f, 0f, 0f, 9f, 9f, 0f, 9f, 9f))
        val apart = image(floatArrayOf(0f, 0f, 0f, 9f), floatArrayOf(9f, 0f, 9f, 9f))
        assertTrue(joined.grey[8 * 4 + 3] > 0)
        assertEquals(0, apart.grey[8 * 4 + 3])
    }

    @Test
    fun aDotIsARoundBlot() {
        val dot = image(floatArrayOf(0.5f, 0.5f)).grey
        assertArrayEquals(dot, dot.reversedArray())
        assertEquals(255, dot[8 * 3 + 3])
        assertEquals(0, dot[0])
        assertArrayEquals(dot, image(floatArrayOf(0.1f, 0.2f), FloatArray(0)).grey)
    }

    @Test
    fun aLevelLineIsNoError() {
        val line = image(floatArrayOf(0f, 5f, 9f, 5f)).grey
        assertEquals(0, line[3])
        assertTrue(line[8 * 4 + 3] > 0)
    }

    @Test
    fun nothingHasNoImage() {
        assertThrows(IllegalArgumentException::class.java) { image() }
        assertThrows(IllegalArgumentException::class.java) { image(FloatArray(0)) }
    }

    private fun image(vararg strokes: FloatArray): DigitImage =
        DigitImage.of(Drawing(strokes.toList()))
}
