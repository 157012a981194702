package com.example.names

import java.io.DataOutputStream
import java.io.File

/** Writes the names of all models' inputs and outputs, in the code units that Kotlin has. */
fun main(arguments: Array<String>) {
    DataOutputStream(File(arguments[0]).outputStream().buffered()).use { file ->
        for (model in models) {
            for (tensor in model.inputs + model.outputs) {
                file.writeInt(tensor.name.length)
                file.writeChars(tensor.name)
            }
        }
    }
}
