package com.example.models

import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.Files

/** A JVM: artifacts are files in a folder instead of an app's assets. */
internal class FolderPlace(private val folder: File) : LiteRtPlace {
    override val compiled: File by lazy {
        Files.createTempDirectory(folder.absoluteFile.parentFile.toPath(), "compiled").toFile()
    }

    override fun whyNoNpu(): String = "A JVM has no neural processor."

    override fun environment(accelerator: Accelerator): Environment = Environment.create()

    override fun compile(
        asset: String,
        options: CompiledModel.Options,
        environment: Environment,
    ): CompiledModel = CompiledModel.create(File(folder, asset).path, options, environment)
}

/** Assets in a folder. */
internal class FolderAssets(private val folder: File) : ModelAssets {
    override fun open(path: String): InputStream = File(folder, path).inputStream()

    override fun map(path: String): ByteBuffer =
        File(folder, path).inputStream().channel.use {
            it.map(FileChannel.MapMode.READ_ONLY, 0, it.size())
        }
}
