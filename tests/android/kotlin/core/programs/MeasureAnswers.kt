package com.example.digits

import java.io.DataInputStream
import java.io.File

/**
 * Reads cases from the first file and writes a line of metrics for each to the second.
 *
 * A case is: how many samples, how many values each, whether they are scores (big-endian), and the
 * answers and references (little-endian).
 */
internal fun main(arguments: Array<String>) {
    val (cases, results) = arguments.map(::File)
    DataInputStream(cases.inputStream().buffered()).use { input ->
        results.printWriter().use { output ->
            repeat(input.readInt()) {
                val metrics = input.measureCase()
                output.println(
                    metrics.problem ?: listOf(
                        metrics.snrDb, metrics.psnrDb, metrics.maxAbs, metrics.cosine,
                        metrics.agreement, metrics.agreementHigh,
                    ).joinToString(" "),
                )
            }
        }
    }
}

private fun DataInputStream.measureCase(): AnswerMetrics {
    val samples = readInt()
    val size = readInt()
    val tensor = TensorSpec("y", listOf(1, size), DType.FLOAT32, classified = readBoolean())
    val answers = readValues(samples * size)
    val references = readValues(samples * size)
    return AnswerMetrics(tensor).apply {
        for (sample in 0 until samples) add(answers, sample * size, references, sample * size, size)
    }
}

private fun DataInputStream.readValues(size: Int): TensorValues {
    val bytes = ByteArray(size * 4).also { readFully(it) }
    return TensorValues(DType.FLOAT32, size).apply {
        read(FakeAssets(mutableMapOf("values" to bytes)), "values")
    }
}
