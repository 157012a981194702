package com.example.models

import java.io.File

/**
 * Writes what every artifact of the named models answers to the golden's inputs on one accelerator:
 * a file for each output, or one that ends in `.txt` with why there is none.
 */
public fun main(arguments: Array<String>) {
    val accelerator = Accelerator.valueOf(arguments.first())
    for (name in arguments.drop(1)) {
        val model = Here.spec(name)
        for (artifact in model.artifacts) {
            val file = "$name.${artifact.variant}"
            try {
                Here.loader().load(artifact, accelerator).use { answer(it, model, file) }
            } catch (error: ModelRunException) {
                File(Here.output, "$file.txt").writeText(error.message.orEmpty())
            }
        }
    }
}

private fun answer(engine: Engine, model: ModelSpec, file: String) {
    val inputs = model.golden.inputs.map(Here::floats)
    val answers = model.outputs.map { FloatArray(it.size * model.golden.samples) }
    for (sample in 0 until model.golden.samples) {
        model.inputs.forEachIndexed { input, spec ->
            val start = sample * spec.size
            engine.write(input, inputs[input].copyOfRange(start, start + spec.size))
        }
        engine.invoke()
        model.outputs.forEachIndexed { output, spec ->
            FloatArray(spec.size)
                .also { engine.read(output, it) }
                .copyInto(answers[output], sample * spec.size)
        }
    }
    answers.forEachIndexed { output, values -> Here.write("$file.$output.bin", values) }
}
