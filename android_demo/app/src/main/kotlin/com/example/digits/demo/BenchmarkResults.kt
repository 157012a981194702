package com.example.digits.demo

import android.os.Bundle
import com.example.digits.Accelerator

/** Keeps results while the screen is made anew, as it is when the device is turned. */
internal object BenchmarkResults {
    fun save(results: Map<Accelerator, BenchmarkResult>, into: Bundle) {
        for ((accelerator, result) in results) {
            when (result) {
                is BenchmarkResult.Timed -> {
                    val times =
                        doubleArrayOf(result.readyMillis, result.medianMillis, result.slowMillis)
                    into.putInt("$accelerator calls", result.calls)
                    into.putDoubleArray("$accelerator times", times)
                    into.putString("$accelerator doubt", result.doubt)
                }
                is BenchmarkResult.Unusable -> {
                    into.putString("$accelerator unusable", result.reason)
                }
            }
        }
    }

    fun restore(from: Bundle): Map<Accelerator, BenchmarkResult> = buildMap {
        for (accelerator in Accelerator.entries) {
            val times = from.getDoubleArray("$accelerator times")
            val unusable = from.getString("$accelerator unusable")
            if (times != null) {
                val calls = from.getInt("$accelerator calls")
                val doubt = from.getString("$accelerator doubt")
                put(accelerator, BenchmarkResult.Timed(calls, times[0], times[1], times[2], doubt))
            } else if (unusable != null) {
                put(accelerator, BenchmarkResult.Unusable(unusable))
            }
        }
    }
}
