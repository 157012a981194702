package com.example.api

import android.content.Context
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** What the tests see of the stand-in for a device. */
internal object StandInDevice {
    val engines = mutableListOf<StandInEngine>()
}

/** A stand-in for a runtime: a device with a CPU alone, which knows the golden by heart. */
internal fun engineLoader(context: Context): EngineLoader = object : EngineLoader {
    private val assets = AndroidModelAssets(context.assets)

    override val runtime = "stand-in 1"

    override fun unavailable(accelerator: Accelerator): String? =
        if (accelerator == Accelerator.CPU) null else "The stand-in has none."

    override fun isBoundToThread(accelerator: Accelerator): Boolean = false

    override fun load(artifact: ArtifactSpec, accelerator: Accelerator): Engine {
        val spec = models.single { artifact in it.artifacts }
        val input = floats(spec.golden.inputs.single())
        val output = floats(spec.golden.outputs.single())
        val scratch = FloatArray(spec.outputs.single().size)
        val engine = StandInEngine(1, listOf(scratch)) { inputs, outputs ->
            val asked = (inputs.single() as FloatArray).asList()
            val sample = (0 until spec.golden.samples).firstOrNull { sample ->
                asked == input.asList().subList(sample * asked.size, (sample + 1) * asked.size)
            } ?: throw ModelRunException("The stand-in does not know this input.")
            val answer = outputs.single() as FloatArray
            output.copyInto(answer, 0, sample * answer.size, (sample + 1) * answer.size)
        }
        StandInDevice.engines += engine
        return engine
    }

    private fun floats(asset: String): FloatArray {
        val bytes = assets.open(asset).use { it.readBytes() }
        val values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(values.remaining()).also { values.get(it) }
    }
}

private val models = listOf(EmbedderSpec.model, FruitClassifierSpec.model)
