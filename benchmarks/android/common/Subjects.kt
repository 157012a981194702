package com.example.models

/** Something to be timed: values go in from an array, and come out into one. */
public interface Subject : AutoCloseable {
    public fun run()
}

/** Arrays of a model's one input and one output. */
internal class Values(spec: ModelSpec) {
    // Neither zeros nor numbers so small that the processor slows down.
    val input = FloatArray(spec.inputs.single().size) { (it % 97) / 97f }
    val output = FloatArray(spec.outputs.single().size)
}

/**
 * Opens a model on the CPU.
 *
 * @param side `wrapper` for the generated class, `bare` for the engine itself.
 */
public fun open(model: String, side: String): Subject {
    val spec = when (model) {
        "DigitClassifier" -> DigitClassifierSpec.model
        else -> MobileNetV2Spec.model
    }
    return if (side == "bare") bare(spec.artifacts.single(), Values(spec)) else wrapper(spec)
}

private fun wrapper(spec: ModelSpec): Subject {
    val values = Values(spec)
    val engine = loader().load(spec.artifacts.single(), Accelerator.CPU)
    val choice = AcceleratorChoice(
        accelerator = Accelerator.CPU,
        variant = spec.artifacts.single().variant,
        reason = "It is measured.",
        isCorrect = false,
        trials = emptyList(),
        remembered = false,
    )
    val runner = ModelRunner(engine, thread = null, choice)
    return if (spec.name == "DigitClassifier") {
        val model = DigitClassifier(runner, labels = emptyList())
        subject(model) { model.run(values.input, values.output) }
    } else {
        val model = MobileNetV2(runner)
        subject(model) { model.run(values.input, values.output) }
    }
}

internal fun subject(model: AutoCloseable, action: () -> Unit): Subject = object : Subject {
    override fun run() = action()

    override fun close() = model.close()
}
