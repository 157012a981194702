package com.example.api

/**
 * A stand-in for a runtime: keeps what was written, answers with what a test says, and counts.
 *
 * @param answer fills the outputs from the inputs; both are arrays.
 */
internal class StandInEngine(
    private val inputs: Int,
    private val outputs: List<Any>,
    private val answer: (inputs: List<Any>, outputs: List<Any>) -> Unit = { _, _ -> },
) : Engine {
    val written = arrayOfNulls<Any>(inputs)
    var runs = 0
        private set
    var isClosed = false
        private set

    override fun write(input: Int, values: FloatArray) = keep(input, values)
    override fun write(input: Int, values: IntArray) = keep(input, values)
    override fun write(input: Int, values: LongArray) = keep(input, values)
    override fun write(input: Int, values: ByteArray) = keep(input, values)
    override fun write(input: Int, values: ShortArray) = keep(input, values)
    override fun write(input: Int, values: BooleanArray) = keep(input, values)

    override fun invoke() {
        check(!isClosed) { "The engine was closed." }
        runs++
        answer(written.map { checkNotNull(it) }, outputs)
    }

    override fun read(output: Int, into: FloatArray) {
        (outputs[output] as FloatArray).copyInto(into)
    }

    override fun read(output: Int, into: IntArray) {
        (outputs[output] as IntArray).copyInto(into)
    }

    override fun read(output: Int, into: LongArray) {
        (outputs[output] as LongArray).copyInto(into)
    }

    override fun read(output: Int, into: ByteArray) = throw UnsupportedOperationException()
    override fun read(output: Int, into: ShortArray) = throw UnsupportedOperationException()
    override fun read(output: Int, into: BooleanArray) {
        (outputs[output] as BooleanArray).copyInto(into)
    }

    override fun close() {
        isClosed = true
    }

    private fun keep(input: Int, values: Any) {
        written[input] = values
    }

    /** What a model runs on. */
    fun runner(): ModelRunner = ModelRunner(
        this,
        thread = null,
        AcceleratorChoice(
            Accelerator.CPU,
            variant = "stand-in",
            reason = "There is nothing else.",
            isCorrect = true,
            trials = emptyList(),
            remembered = false,
        ),
    )
}
