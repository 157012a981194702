package com.example.digits.demo

import java.util.Locale
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class TimingTest {
    @Test
    fun percentilesAreTimesThatWereSeen() {
        val timing = Timing(LongArray(10) { (10L - it) * 1_000_000 })
        assertEquals(10, timing.calls)
        assertEquals(5.0, timing.median, 0.0)
        assertEquals(9.0, timing.percentile(0.9), 0.0)
        assertEquals(10.0, timing.percentile(1.0), 0.0)
        assertEquals(1.0, timing.percentile(0.001), 0.0)
        assertEquals(0.25, Timing(longArrayOf(250_000)).median, 0.0)
    }

    @Test
    fun wrongSharesAndNoTimesAreErrors() {
        assertThrows(IllegalArgumentException::class.java) { Timing(LongArray(0)) }
        val timing = Timing(longArrayOf(1))
        assertThrows(IllegalArgumentException::class.java) { timing.percentile(0.0) }
        assertThrows(IllegalArgumentException::class.java) { timing.percentile(1.1) }
    }

    @Test
    fun threeDigitsOfATimeCount() {
        val before = Locale.getDefault()
        try {
            Locale.setDefault(Locale.US)
            assertEquals("0.123", milliseconds(0.12345))
            assertEquals("1.23", milliseconds(1.2345))
            assertEquals("12.3", milliseconds(12.345))
            assertEquals("123", milliseconds(123.45))
            Locale.setDefault(Locale.GERMANY)
            assertEquals("0,123", milliseconds(0.12345))
        } finally {
            Locale.setDefault(before)
        }
    }
}
