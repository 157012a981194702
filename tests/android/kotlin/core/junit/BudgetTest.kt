package com.example.digits

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

/** What a budget asks of answers. */
class BudgetTest {
    private val budget = Budget(snrDb = 20.0, cosine = 0.99)

    private fun metrics(
        answers: List<FloatArray>,
        references: List<FloatArray>,
        classified: Boolean = false,
    ): AnswerMetrics {
        val size = references.first().size
        val tensor = TensorSpec("y", listOf(1, size), DType.FLOAT32, classified)
        val (found, expected) = listOf(answers, references).map { samples ->
            val assets = FakeAssets(mutableMapOf("values" to TestModel.bytes(samples)))
            TensorValues(DType.FLOAT32, size * samples.size).apply { read(assets, "values") }
        }
        return AnswerMetrics(tensor).apply {
            for (row in answers.indices) add(found, row * size, expected, row * size, size)
        }
    }

    private fun scaled(by: Float): AnswerMetrics {
        val reference = floatArrayOf(1f, -2f, 3f)
        return metrics(listOf(FloatArray(3) { reference[it] * by }), listOf(reference))
    }

    @Test fun `it is met by answers that are near`() {
        assertEquals(emptyList<String>(), budget.violations(listOf(scaled(1.01f))))
    }

    @Test fun `it holds for the worst of several outputs`() {
        for (outputs in listOf(listOf(1f, 1.2f), listOf(1.2f, 1f))) {
            val expected = listOf("snr_db 13.98 is below 20.00")
            assertEquals(expected, budget.violations(outputs.map(::scaled)))
        }
    }

    @Test fun `each bound is held`() {
        val expected = listOf("snr_db -6.021 is below 20.00", "cosine -1.000 is below 0.9900")
        assertEquals(expected, budget.violations(listOf(scaled(-1f))))
    }

    @Test fun `values that are no numbers meet no budget, not even one that asks nothing`() {
        for (wrong in listOf(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)) {
            val expected = listOf("3 values of 3 are NaN or Inf")
            assertEquals(expected, Budget().violations(listOf(scaled(1f), scaled(wrong))))
        }
    }

    @Test fun `an output without values meets no budget`() {
        val empty = metrics(listOf(FloatArray(0)), listOf(FloatArray(0)))
        assertEquals(listOf("it is empty"), Budget().violations(listOf(empty)))
    }

    @Test fun `only evidence of other classes condemns`() {
        val references = List(8) { floatArrayOf(0f, 1f) }
        val answers = references.mapIndexed { row, it -> if (row == 0) it.reversedArray() else it }
        val metrics = metrics(answers, references, classified = true)
        assertEquals(0.875, metrics.agreement!!, 0.0)
        assertEquals(emptyList<String>(), Budget(agreement = 0.97).violations(listOf(metrics)))
        val expected = listOf("agreement 0.9776 is below 0.9900")
        assertEquals(expected, Budget(agreement = 0.99).violations(listOf(metrics)))
    }

    @Test fun `it asks nothing where no bound applies`() {
        val scores = TensorSpec("scores", listOf(1, 3), DType.FLOAT32, classified = true)
        val plain = TensorSpec("y", listOf(1, 3), DType.FLOAT32)
        assertTrue(Budget(agreement = 0.9).asksOf(listOf(plain, scores)))
        assertFalse(Budget(agreement = 0.9).asksOf(listOf(plain)))
        assertTrue(Budget(cosine = 0.9).asksOf(listOf(plain)))
        assertTrue(Budget(snrDb = 9.0).asksOf(listOf(plain)))
        assertFalse(Budget().asksOf(listOf(plain, scores)))
    }
}
