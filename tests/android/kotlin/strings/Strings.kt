package com.example.strings

import java.io.DataOutputStream
import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer

/** Where an output's labels lie, and how many there are. */
internal class LabelsFile(val asset: String, val classes: Int)

/** Assets in a folder. */
private class Folder(private val folder: File) : ModelAssets {
    override fun open(path: String): InputStream = File(folder, path).inputStream()

    override fun map(path: String): ByteBuffer = ByteBuffer.wrap(File(folder, path).readBytes())
}

/**
 * Writes every string that modules hold: the model's name, its inputs' and outputs', and the labels,
 * each as its length and UTF-16.
 *
 * The first argument is the folder of the assets, the second the file to write.
 */
public fun main(arguments: Array<String>) {
    val assets = Folder(File(arguments[0]))
    DataOutputStream(File(arguments[1]).outputStream().buffered()).use { out ->
        fun write(text: String) {
            out.writeInt(text.length)
            out.writeChars(text)
        }
        for (model in models) {
            write(model.name)
            (model.inputs + model.outputs).forEach { write(it.name) }
        }
        for (file in labelsFiles) readLabels(assets, file.asset, file.classes).forEach(::write)
    }
}
