package com.example.models

import java.io.File
import java.io.FileInputStream
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel

/** What pytest put where: the module's assets, and a folder for what this JVM writes. */
internal object Here : ModelAssets {
    private val assets = File(System.getProperty("assets"))
    val output = File(System.getProperty("output"))

    init {
        // The library that stands in for Android's C library; the others ask for it by its name.
        System.load(System.getProperty("android.libc"))
    }

    override fun open(path: String): InputStream = File(assets, path).inputStream()

    override fun map(path: String): ByteBuffer =
        FileInputStream(File(assets, path)).channel.use {
            it.map(FileChannel.MapMode.READ_ONLY, 0, it.size())
        }

    fun floats(path: String): FloatArray {
        val bytes = ByteBuffer.wrap(File(assets, path).readBytes()).order(ByteOrder.LITTLE_ENDIAN)
        val values = bytes.asFloatBuffer()
        return FloatArray(values.remaining()).also(values::get)
    }

    fun write(name: String, values: FloatArray) {
        val bytes = ByteBuffer.allocate(values.size * Float.SIZE_BYTES)
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values)
        File(output, name).writeBytes(bytes.array())
    }

    fun loader(apiLevel: Int = 34): EngineLoader = InterpreterEngineLoader(this, output, apiLevel)

    /** What is known of a generated model. */
    fun spec(name: String): ModelSpec {
        val facts = Class.forName("com.example.models.${name}Spec")
        return facts.getMethod("getModel").invoke(facts.getField("INSTANCE").get(null)) as ModelSpec
    }
}
