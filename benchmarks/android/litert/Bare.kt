package com.example.models

import com.google.ai.edge.litert.CompiledModel
import java.io.File
import com.google.ai.edge.litert.Accelerator as LiteRtAccelerator

private val assets = File(System.getProperty("assets"))

internal fun loader(): EngineLoader = LiteRtEngineLoader(FolderPlace(assets))

/** What an app writes that calls LiteRT itself. */
internal fun bare(artifact: ArtifactSpec, values: Values): Subject {
    val options = CompiledModel.Options(LiteRtAccelerator.CPU).apply {
        cpuOptions = CompiledModel.CpuOptions(
            numThreads = Runtime.getRuntime().availableProcessors().coerceAtMost(4),
        )
    }
    val model = CompiledModel.create(File(assets, artifact.asset).path, options)
    val inputs = model.createInputBuffers()
    val outputs = model.createOutputBuffers()
    return subject(model) {
        inputs[0].writeFloat(values.input)
        model.run(inputs, outputs)
        outputs[0].readFloat().copyInto(values.output)
    }
}
