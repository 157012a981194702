package com.example.pixels

import com.sun.management.ThreadMXBean
import java.lang.management.ManagementFactory
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

private const val REPEATS = 1000
private const val SMALLEST_OBJECT = 16

class PixelsTest {
    private val spec = spec()
    private val values = FloatArray(spec.size)

    @Test
    fun anArrayOfAnotherSizeIsRefused() {
        val converter = ImageConverter(spec)
        val refused = assertThrows(IllegalArgumentException::class.java) {
            converter.convert(image(4, 4), 4, 4, FloatArray(5))
        }
        assertEquals("The input has 189 values, the array 5.", refused.message)
        assertThrows(IllegalArgumentException::class.java) {
            converter.convert(image(4, 4), 4, 4, ByteArray(5))
        }
    }

    @Test
    fun pixelsThatAreNoRectangleAreRefused() {
        val converter = ImageConverter(spec)
        for ((height, width) in listOf(4 to 5, 0 to 0, -4 to -4, 65536 to 65536)) {
            val refused = assertThrows(IllegalArgumentException::class.java) {
                converter.convert(image(4, 4), height, width, values)
            }
            assertEquals("$height rows of $width pixels cannot be 16 pixels.", refused.message)
        }
    }

    @Test
    fun imagesMayChangeTheirSize() {
        for (fit in ImageFit.entries) {
            val converter = ImageConverter(spec(fit))
            for ((height, width) in listOf(20 to 30, 5 to 5, 30 to 20, 20 to 30)) {
                val image = image(height, width)
                converter.convert(image, height, width, values)
                val expected = FloatArray(spec.size)
                ImageConverter(spec(fit)).convert(image, height, width, expected)
                assertArrayEquals(expected, values, 0f)
            }
        }
    }

    @Test
    fun imagesOfOneSizeAllocateNothing() {
        val image = image(40, 60)
        val bytes = ByteArray(spec.size)
        for (resize in ImageResize.entries) {
            val converter = ImageConverter(spec(ImageFit.PAD, resize))
            requireNoAllocation { converter.convert(image, 40, 60, values) }
            requireNoAllocation { converter.convert(image, 40, 60, bytes) }
        }
    }

    @Test
    fun audioAllocatesNothing() {
        val converter = AudioConverter(values.size)
        val samples = ShortArray(values.size)
        requireNoAllocation { converter.convert(samples, values) }
        requireNoAllocation { converter.convert(values, values) }
    }

    @Test
    fun audioOfAnotherLengthIsRefused() {
        val converter = AudioConverter(4)
        for (convert in listOf(
            { converter.convert(ShortArray(3), FloatArray(4)) },
            { converter.convert(FloatArray(3), FloatArray(4)) },
        )) {
            val refused = assertThrows(IllegalArgumentException::class.java) { convert() }
            assertEquals("The input has 4 audio samples, not 3.", refused.message)
        }
        val refused = assertThrows(IllegalArgumentException::class.java) {
            converter.convert(ShortArray(4), FloatArray(5))
        }
        assertEquals("The input has 4 values, the array 5.", refused.message)
    }

    private fun spec(
        fit: ImageFit = ImageFit.STRETCH,
        resize: ImageResize = ImageResize.BILINEAR_ANTIALIAS,
    ) = ImageSpec(
        height = 9,
        width = 7,
        color = ImageColor.RGB,
        resize = resize,
        fit = fit,
        scale = floatArrayOf(1f, 1f, 1f),
        offset = floatArrayOf(0f, 0f, 0f),
        pad = floatArrayOf(0f, 0f, 0f),
        dtype = DType.UINT8,
    )

    private fun image(height: Int, width: Int) = IntArray(height * width) { it * 1234567 }

    /** Less than an object a call: what the JVM does beside on this thread is counted as well. */
    private inline fun requireNoAllocation(convert: () -> Unit) {
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        repeat(10) { convert() }
        val before = threads.currentThreadAllocatedBytes
        repeat(REPEATS) { convert() }
        val allocated = threads.currentThreadAllocatedBytes - before
        assertTrue("$allocated bytes in $REPEATS calls", allocated < REPEATS * SMALLEST_OBJECT)
    }
}
