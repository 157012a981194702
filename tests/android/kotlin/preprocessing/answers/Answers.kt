package com.example.pixels

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File

/** Converts the images and the audio in one file, and writes the values to another. */
fun main(arguments: Array<String>) {
    val (cases, answers) = arguments.map(::File)
    DataInputStream(cases.inputStream().buffered()).use { source ->
        DataOutputStream(answers.outputStream().buffered()).use { target ->
            answerImages(source, target)
            answerAudio(source, target)
        }
    }
}

private class Image(val height: Int, val width: Int, val pixels: IntArray)

private fun answerImages(source: DataInputStream, target: DataOutputStream) {
    val images = List(source.readInt()) {
        val height = source.readInt()
        val width = source.readInt()
        Image(height, width, IntArray(height * width) { source.readInt() })
    }
    repeat(source.readInt()) {
        val image = images[source.readInt()]
        val spec = source.readSpec()
        val converter = ImageConverter(spec)
        if (spec.dtype == DType.FLOAT32) {
            val values = FloatArray(spec.size)
            converter.convert(image.pixels, image.height, image.width, values)
            values.forEach(target::writeFloat)
        } else {
            val values = ByteArray(spec.size)
            converter.convert(image.pixels, image.height, image.width, values)
            target.write(values)
        }
    }
}

private fun answerAudio(source: DataInputStream, target: DataOutputStream) {
    val samples = ShortArray(source.readInt()) { source.readShort() }
    val floats = FloatArray(samples.size) { samples[it] / 32768f }
    val values = FloatArray(samples.size)
    repeat(source.readInt()) {
        val converter = AudioConverter(samples.size, source.readFloat(), source.readFloat())
        converter.convert(samples, values)
        values.forEach(target::writeFloat)
        converter.convert(floats, values)
        values.forEach(target::writeFloat)
    }
}
