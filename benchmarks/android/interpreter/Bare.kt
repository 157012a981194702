package com.example.models

import org.tensorflow.lite.InterpreterApi
import java.nio.ByteBuffer
import java.nio.ByteOrder

internal fun loader(): EngineLoader = Here.loader()

/** What an app writes that calls TFLite itself. */
internal fun bare(artifact: ArtifactSpec, values: Values): Subject {
    val options = InterpreterApi.Options()
        .setNumThreads(Runtime.getRuntime().availableProcessors().coerceAtMost(4))
    val interpreter = InterpreterApi.create(Here.map(artifact.asset), options)
    val input = buffer(values.input.size)
    val output = buffer(values.output.size)
    val inputFloats = input.asFloatBuffer()
    val outputFloats = output.asFloatBuffer()
    val inputs = arrayOf<Any>(input)
    val outputs = mapOf<Int, Any>(0 to output)
    return subject(interpreter) {
        inputFloats.rewind()
        inputFloats.put(values.input)
        output.rewind()
        interpreter.runForMultipleInputsOutputs(inputs, outputs)
        outputFloats.rewind()
        outputFloats.get(values.output)
    }
}

private fun buffer(values: Int): ByteBuffer =
    ByteBuffer.allocateDirect(values * Float.SIZE_BYTES).order(ByteOrder.nativeOrder())
