package com.example.api

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Several inputs and outputs, plain ones, and those of other types than floats. */
class NamedTensorsTest {
    private val sum = floatArrayOf(1f, 2f, 3f, 4f, 5f, 6f)
    private val engine = StandInEngine(2, listOf(sum, floatArrayOf(0.2f, 0.5f, 0.3f)))
    private val hands = Hands(engine.runner(), indexLabels(3))
    private val right = FloatArray(6) { it.toFloat() }
    private val left = FloatArray(4) { -it.toFloat() }

    @Test
    fun inputsAreGivenByName() {
        hands.predict(leftHand = left, rightHand = right)
        assertArrayEquals(right, engine.written[0] as FloatArray, 0f)
        assertArrayEquals(left, engine.written[1] as FloatArray, 0f)
    }

    @Test
    fun outputsAreReadByName() {
        val answer = hands.predict(right, left, topK = 2)
        assertArrayEquals(sum, answer.sum, 0f)
        assertEquals(listOf("1", "2"), answer.side.map { it.label })
        assertEquals(listOf(0.5f, 0.3f), answer.side.map { it.score })
    }

    @Test
    fun anAnswerIsTheCallersOwn() {
        val first = hands.predict(right, left)
        sum.fill(9f)
        hands.predict(right, left)
        assertEquals(1f, first.sum[0])
    }

    @Test
    fun runFillsTheCallersArrays() {
        val sumOfHands = FloatArray(6)
        val side = FloatArray(3)
        hands.run(right, left, sumOfHands, side)
        assertArrayEquals(sum, sumOfHands, 0f)
        assertArrayEquals(floatArrayOf(0.2f, 0.5f, 0.3f), side, 0f)
    }

    @Test
    fun aWrongSizeIsNamed() {
        val error = assertThrows(IllegalArgumentException::class.java) {
            hands.predict(right, FloatArray(5))
        }
        assertEquals("The array for left hand has 5 values; the model has 4.", error.message)
        assertEquals(0, engine.runs)
    }

    @Test
    fun aWrongSizeOfAnOutputIsNamed() {
        val error = assertThrows(IllegalArgumentException::class.java) {
            hands.run(right, left, FloatArray(7), FloatArray(3))
        }
        assertEquals("The array for sum has 7 values; the model has 6.", error.message)
    }

    @Test
    fun notANumberIsNamedWithItsIndex() {
        left[2] = Float.NaN
        val error = assertThrows(IllegalArgumentException::class.java) {
            hands.predict(right, left)
        }
        assertEquals("The values for left hand hold NaN at index 2.", error.message)
        assertEquals(0, engine.runs)
    }

    @Test
    fun infinityIsANumber() {
        left[2] = Float.NEGATIVE_INFINITY
        hands.predict(right, left)
        assertEquals(1, engine.runs)
    }

    @Test
    fun anAnswerThatIsNoNumberIsRefused() {
        sum[4] = Float.NaN
        val error = assertThrows(ModelRunException::class.java) { hands.predict(right, left) }
        assertEquals("The model's answer sum holds NaN at index 4.", error.message)
    }

    @Test
    fun afterAnErrorTheModelGoesOn() {
        assertThrows(IllegalArgumentException::class.java) { hands.predict(right, FloatArray(5)) }
        assertEquals(3, hands.predict(right, left).side.size)
    }

    @Test
    fun aClosedModelRefuses() {
        hands.close()
        assertTrue(engine.isClosed)
        assertThrows(IllegalStateException::class.java) { hands.predict(right, left) }
        hands.close()
    }

    @Test
    fun theChoiceCanBeRead() {
        assertEquals(Accelerator.CPU, hands.choice.accelerator)
        assertFalse(hands.choice.remembered)
    }

    @Test
    fun wholeNumbersStayWhole() {
        val engine = StandInEngine(1, listOf(FloatArray(12), intArrayOf(28)))
        val answer = TokenPredictor(engine.runner()).predict(intArrayOf(1, 2, 3, 4, 5, 6, 7))
        assertArrayEquals(intArrayOf(1, 2, 3, 4, 5, 6, 7), engine.written[0] as IntArray)
        assertArrayEquals(intArrayOf(28), answer.count)
    }

    @Test
    fun aBatchIsOneArray() {
        val engine = StandInEngine(1, listOf(FloatArray(12) { it.toFloat() }))
        val scores = BatchClassifier(engine.runner()).predict(FloatArray(3 * 8 * 8))
        assertArrayEquals(FloatArray(12) { it.toFloat() }, scores, 0f)
    }

    @Test
    fun anEmbeddingIsAnArray() {
        val engine = StandInEngine(1, listOf(FloatArray(16) { it.toFloat() }))
        val embedding = Embedder(engine.runner()).embed(FloatArray(20))
        assertArrayEquals(FloatArray(16) { it.toFloat() }, embedding, 0f)
    }
}
