package com.example.digits

import java.io.File

/** Writes the test model's assets into a folder. */
internal fun main(arguments: Array<String>) {
    for ((path, content) in TestModel.assets("fp32").files) {
        File(arguments.single(), path).apply { parentFile!!.mkdirs() }.writeBytes(content)
    }
}
