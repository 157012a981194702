package com.example.pixels

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import java.io.DataInputStream
import java.io.File
import java.nio.ByteBuffer
import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

private const val HEIGHT = 37
private const val WIDTH = 53

/** On Android's own bitmaps. */
@RunWith(RobolectricTestRunner::class)
class BitmapTest {
    private val pixels = IntArray(HEIGHT * WIDTH) { OPAQUE or (it * 7654321 and 0xFFFFFF) }
    private val converter = ImageConverter(spec(HEIGHT, WIDTH))
    private val values = FloatArray(HEIGHT * WIDTH * 3)

    @Test
    fun aPhotographGivesWhatPythonComputes() {
        val folder = File(System.getProperty("preprocessing.photograph")!!)
        val file = File(folder, "photograph.png").readBytes()
        val bitmap = BitmapFactory.decodeByteArray(file, 0, file.size)
        DataInputStream(File(folder, "expected.bin").inputStream().buffered()).use { cases ->
            repeat(cases.readInt()) {
                val spec = cases.readSpec()
                val expected = FloatArray(spec.size) { cases.readFloat() }
                val found = FloatArray(spec.size)
                ImageConverter(spec).convert(bitmap, found)
                assertArrayEquals("${spec.resize} ${spec.fit} ${spec.color}", expected, found, 0f)
            }
        }
    }

    @Test
    fun eightBitsPerChannelAreExact() {
        val bitmap = bitmap()
        assertEquals(Bitmap.Config.ARGB_8888, bitmap.config)
        converter.convert(bitmap, values)
        assertArrayEquals(original(), values, 0f)
    }

    @Test
    fun halfFloatsAreExact() {
        converter.convert(bitmap().copy(Bitmap.Config.RGBA_F16, false), values)
        assertArrayEquals(original(), values, 0f)
    }

    @Test
    fun aCopyForTheGraphicsProcessorIsExact() {
        converter.convert(bitmap().copy(Bitmap.Config.HARDWARE, false), values)
        assertArrayEquals(original(), values, 0f)
    }

    /** Five bits of red and blue are 8.2 steps apart, six of green 4.05. */
    @Test
    fun fewerBitsAreTheNearestColour() {
        val bitmap = bitmap().copy(Bitmap.Config.RGB_565, false)
        assertEquals(Bitmap.Config.RGB_565, bitmap.config)
        converter.convert(bitmap, values)
        val original = original()
        for (place in values.indices) {
            val bound = if (place % 3 == 1) 4.05f else 8.23f
            assertTrue(abs(values[place] - original[place]) <= bound)
        }
    }

    @Test
    fun alphaAloneIsGrey() {
        val bitmap = Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ALPHA_8)
        val rows = ByteBuffer.allocate(bitmap.byteCount)
        for (row in 0 until HEIGHT) {
            rows.position(row * bitmap.rowBytes)
            for (column in 0 until WIDTH) rows.put((row * WIDTH + column).toByte())
        }
        bitmap.copyPixelsFromBuffer(rows.rewind())
        converter.convert(bitmap, values)
        val expected = FloatArray(values.size) { (it / 3 and 0xFF).toFloat() }
        assertArrayEquals(expected, values, 0f)
    }

    /** Android keeps colours multiplied by alpha, in whole numbers. */
    @Test
    fun alphaIsIgnored() {
        val bitmap = Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)
        val half = IntArray(pixels.size) { (pixels[it] and 0xFFFFFF) or (128 shl 24) }
        bitmap.setPixels(half, 0, WIDTH, 0, 0, WIDTH, HEIGHT)
        converter.convert(bitmap, values)
        assertArrayEquals(original(), values, 1f)
    }

    @Test
    fun whatIsWhollyTransparentIsBlack() {
        converter.convert(Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ARGB_8888), values)
        assertArrayEquals(FloatArray(values.size), values, 0f)
    }

    @Test
    fun bytesAreTheSamePixels() {
        val bytes = ByteArray(values.size)
        ImageConverter(spec(HEIGHT, WIDTH, DType.UINT8)).convert(bitmap(), bytes)
        val original = original()
        assertArrayEquals(ByteArray(values.size) { original[it].toInt().toByte() }, bytes)
    }

    @Test
    fun anySizeIsConverted() {
        for ((height, width) in listOf(1 to 1, 1 to 1000, 1000 to 1, 2 to 3)) {
            val image = IntArray(height * width) { OPAQUE or it * 991 }
            val bitmap = Bitmap.createBitmap(image, width, height, Bitmap.Config.ARGB_8888)
            converter.convert(bitmap, values)
            val expected = FloatArray(values.size)
            converter.convert(image, height, width, expected)
            assertArrayEquals(expected, values, 0f)
        }
    }

    @Test
    fun aRecycledBitmapIsRefused() {
        val bitmap = bitmap()
        bitmap.recycle()
        val refused = assertThrows(IllegalArgumentException::class.java) {
            converter.convert(bitmap, values)
        }
        assertEquals("The bitmap is recycled.", refused.message)
    }

    private fun bitmap() = Bitmap.createBitmap(pixels, WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)

    private fun original() = FloatArray(values.size) {
        (pixels[it / 3] shr (16 - it % 3 * 8) and 0xFF).toFloat()
    }

    private fun spec(height: Int, width: Int, dtype: DType = DType.FLOAT32) = ImageSpec(
        height = height,
        width = width,
        color = ImageColor.RGB,
        scale = floatArrayOf(1f, 1f, 1f),
        offset = floatArrayOf(0f, 0f, 0f),
        pad = floatArrayOf(0f, 0f, 0f),
        dtype = dtype,
    )

    private companion object {
        const val OPAQUE = 0xFF shl 24
    }
}
