package com.example.digits.demo

import java.text.NumberFormat
import kotlin.math.ceil

/** What many calls took, in milliseconds. */
internal class Timing(nanos: LongArray) {
    private val sorted = nanos.sortedArray()

    init {
        require(nanos.isNotEmpty()) { "Nothing was timed." }
    }

    val calls: Int get() = sorted.size
    val median: Double get() = percentile(0.5)

    /** Returns the time that this share of the calls took at most. */
    fun percentile(share: Double): Double {
        require(share > 0 && share <= 1) { "$share is no share of the calls." }
        return sorted[ceil(share * sorted.size).toInt() - 1] / 1e6
    }
}

/** Returns milliseconds with three digits that count, in the user's language. */
internal fun milliseconds(millis: Double): String = NumberFormat.getInstance().apply {
    val digits = if (millis < 1) 3 else if (millis < 10) 2 else if (millis < 100) 1 else 0
    minimumFractionDigits = digits
    maximumFractionDigits = digits
}.format(millis)
