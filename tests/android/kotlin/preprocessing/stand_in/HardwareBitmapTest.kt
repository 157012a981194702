package com.example.pixels

import android.graphics.Bitmap
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** On the stand-in for a hardware bitmap. */
class HardwareBitmapTest {
    private val converter = ImageConverter(
        ImageSpec(
            height = 2,
            width = 3,
            color = ImageColor.BGR,
            scale = floatArrayOf(1f, 1f, 1f),
            offset = floatArrayOf(0f, 0f, 0f),
            pad = floatArrayOf(0f, 0f, 0f),
        ),
    )
    private val values = FloatArray(18)

    @Test
    fun aHardwareBitmapIsCopiedAndTheCopyFreed() {
        val bitmap = Bitmap(3, 2, Bitmap.Config.HARDWARE, copies = true)
        converter.convert(bitmap, values)
        val blue = FloatArray(6) { values[it * 3] }
        assertArrayEquals(floatArrayOf(0f, 1f, 2f, 3f, 4f, 5f), blue, 0f)
        assertEquals(Bitmap.Config.ARGB_8888, bitmap.given.single().config)
        assertTrue(bitmap.given.single().isRecycled)
        assertFalse(bitmap.isRecycled)
    }

    @Test
    fun aBitmapInMemoryIsNotCopied() {
        for (config in listOf(Bitmap.Config.ARGB_8888, null)) {
            val bitmap = Bitmap(3, 2, config, copies = false)
            converter.convert(bitmap, values)
            assertFalse(bitmap.isRecycled)
        }
    }

    @Test
    fun aBitmapThatCannotBeCopiedIsRefused() {
        val refused = assertThrows(IllegalArgumentException::class.java) {
            converter.convert(Bitmap(3, 2, Bitmap.Config.HARDWARE, copies = false), values)
        }
        assertEquals("The hardware bitmap of 3 x 2 pixels cannot be copied.", refused.message)
    }
}
