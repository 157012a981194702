package com.example.digits.demo

import java.io.File

/**
 * Writes the images of drawings, for something else to recognise.
 *
 * The first argument is a file such as `drawings.txt`, the second where the images go: 64 bytes of
 * grey for each drawing.
 */
fun main(arguments: Array<String>) {
    val (drawings, images) = arguments.map(::File)
    val lines = drawings.readLines().filterNot { it.startsWith("#") }
    images.outputStream().buffered().use { stream ->
        for (line in lines) {
            for (grey in DigitImage.of(drawing(line.substringAfter(' '))).grey) stream.write(grey)
        }
    }
}

private fun drawing(text: String): Drawing = Drawing(
    text.split(';').map { stroke ->
        stroke.split(' ', ',').map(String::toFloat).toFloatArray()
    },
)
