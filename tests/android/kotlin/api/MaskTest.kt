package com.example.api

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Test

class MaskTest {
    /** Two rows of three pixels of two classes. */
    private val mask = Mask(
        3, 2, 2,
        floatArrayOf(0.1f, 0.9f, 0.8f, 0.2f, 0.5f, 0.5f, 0.6f, 0.4f, 0.3f, 0.7f, 0f, 1f),
    )

    @Test
    fun valuesAreFoundByPixelAndChannel() {
        assertEquals(0.8f, mask.value(x = 1, y = 0))
        assertEquals(0.7f, mask.value(x = 1, y = 1, channel = 1))
    }

    @Test
    fun theBestClassIsTheFirstOfEqualOnes() {
        assertArrayEquals(intArrayOf(1, 0, 0, 0, 1, 1), mask.bestClasses())
        assertEquals(1, mask.bestClass(x = 1, y = 1))
    }

    @Test
    fun classesGoIntoTheCallersArray() {
        val classes = IntArray(6)
        assertSame(classes, mask.bestClasses(classes))
        assertThrows(IllegalArgumentException::class.java) { mask.bestClasses(IntArray(5)) }
    }

    @Test
    fun oneValueStandsForTwoClasses() {
        val mask = Mask(2, 1, 1, floatArrayOf(0.49f, 0.5f))
        assertArrayEquals(intArrayOf(0, 1), mask.bestClasses())
    }

    @Test
    fun whatLiesOutsideIsRefused() {
        for ((x, y) in listOf(3 to 0, 0 to 2, -1 to 0, 0 to -1)) {
            assertThrows(IndexOutOfBoundsException::class.java) { mask.value(x, y) }
            assertThrows(IndexOutOfBoundsException::class.java) { mask.bestClass(x, y) }
        }
        assertThrows(IndexOutOfBoundsException::class.java) { mask.value(0, 0, channel = 2) }
    }
}
