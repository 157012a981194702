package com.example.models

import java.io.DataOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Runs artifacts of every model on its golden, and writes their float answers, big-endian, into
 * files `MODEL.VARIANT.OUTPUT`. What cannot be loaded gets a file `MODEL.VARIANT.error`.
 *
 * Arguments: the folder of the assets, the folder for the answers, the accelerator, the variants.
 */
internal fun main(arguments: Array<String>) {
    val (assetsFolder, answersFolder) = arguments.map(::File)
    val accelerator = Accelerator.valueOf(arguments[2])
    val variants = arguments.drop(3)
    val assets = FolderAssets(assetsFolder)
    val loader = LiteRtEngineLoader(FolderPlace(assetsFolder))
    for (model in models) {
        for (artifact in model.artifacts.filter { it.variant in variants }) {
            val stem = "${model.name}.${artifact.variant}"
            try {
                loader.load(artifact, accelerator).use { engine ->
                    answer(engine, model, assets).forEachIndexed { output, answers ->
                        write(answers, File(answersFolder, "$stem.$output"))
                    }
                }
            } catch (error: ModelRunException) {
                File(answersFolder, "$stem.error").writeText(error.message.orEmpty())
            }
        }
    }
}

/** Returns each output's answers to all samples. */
private fun answer(engine: Engine, model: ModelSpec, assets: ModelAssets): List<List<Float>> {
    val inputs = model.inputs.mapIndexed { index, input ->
        floats(assets.open(model.golden.inputs[index]).use { it.readBytes() })
            .toList().chunked(input.size)
    }
    val answers = model.outputs.map { mutableListOf<Float>() }
    repeat(model.golden.samples) { sample ->
        inputs.forEachIndexed { index, samples ->
            engine.write(index, samples[sample].toFloatArray())
        }
        engine.invoke()
        model.outputs.forEachIndexed { index, output ->
            answers[index] += FloatArray(output.size).also { engine.read(index, it) }.toList()
        }
    }
    return answers
}

private fun write(answers: List<Float>, file: File) {
    DataOutputStream(file.outputStream().buffered()).use { stream ->
        answers.forEach(stream::writeFloat)
    }
}

private fun floats(bytes: ByteArray): FloatArray {
    val values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(values.remaining()).also(values::get)
}
