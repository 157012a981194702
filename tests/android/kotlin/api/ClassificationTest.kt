package com.example.api

import java.io.ByteArrayInputStream
import java.io.InputStream
import java.nio.ByteBuffer
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

/** Classes, their labels, and sound. */
class ClassificationTest {
    private val letters = listOf("a", "b", "c", "d", "e")
    private val engine = StandInEngine(1, listOf(floatArrayOf(0.75f)))
    private val spotter = WordSpotter(engine.runner(), listOf("silence", "word"))

    private fun top(k: Int, vararg scores: Float): List<Pair<String, Float>> =
        topClasses(scores, letters, k).map { it.label to it.score }

    @Test
    fun theHighestComeFirst() {
        val scores = floatArrayOf(0.1f, 0.4f, 0.05f, 0.3f, 0.15f)
        assertEquals(listOf("b" to 0.4f, "d" to 0.3f, "e" to 0.15f), top(3, *scores))
        assertEquals("bdeac", top(5, *scores).joinToString("") { it.first })
    }

    @Test
    fun everyOrderAgreesWithASort() {
        val scores = FloatArray(200) { ((it * 7919) % 31).toFloat() }
        val labels = List(200) { it.toString() }
        val sorted = scores.indices.sortedByDescending { scores[it] }
        for (k in listOf(1, 2, 7, 199, 200)) {
            assertEquals(sorted.take(k), topClasses(scores, labels, k).map { it.index })
        }
    }

    @Test
    fun ofEqualOnesTheFirstComesFirst() {
        assertEquals("bda", top(3, 1f, 2f, 0f, 2f, 1f).joinToString("") { it.first })
    }

    @Test
    fun moreThanThereAreGivesAll() {
        assertEquals(2, top(9, 0.1f, 0.9f).size)
    }

    @Test
    fun negativeScoresAndInfinityAreScores() {
        assertEquals(
            listOf("b" to -1f, "a" to -2f, "c" to Float.NEGATIVE_INFINITY),
            top(3, -2f, -1f, Float.NEGATIVE_INFINITY),
        )
    }

    @Test
    fun oneScoreStandsForTwoClasses() {
        val classes = spotter.classify(FloatArray(400))
        assertEquals(listOf("word", "silence"), classes.map { it.label })
        assertEquals(listOf(1, 0), classes.map { it.index })
        assertEquals(listOf(0.75f, 0.25f), classes.map { it.score })
    }

    @Test
    fun noClassesCannotBeAskedFor() {
        val error = assertThrows(IllegalArgumentException::class.java) {
            spotter.classify(FloatArray(400), topK = 0)
        }
        assertEquals("topK is 0; ask for one class at least.", error.message)
    }

    @Test
    fun soundOf16BitsIsScaled() {
        spotter.classify(ShortArray(400) { if (it == 3) -32768 else 16384 })
        val heard = engine.written[0] as FloatArray
        assertArrayEquals(FloatArray(400) { if (it == 3) -1f else 0.5f }, heard, 0f)
    }

    @Test
    fun soundOfFloatsIsTakenAsItIs() {
        val sound = FloatArray(400) { it / 400f }
        spotter.classify(sound)
        assertArrayEquals(sound, engine.written[0] as FloatArray, 0f)
    }

    @Test
    fun tooLittleSoundIsRefused() {
        assertThrows(IllegalArgumentException::class.java) { spotter.classify(ShortArray(399)) }
    }

    @Test
    fun notANumberInSoundIsNamed() {
        val sound = FloatArray(400).also { it[7] = Float.NaN }
        val error = assertThrows(IllegalArgumentException::class.java) { spotter.classify(sound) }
        assertEquals("The values for sound hold NaN at index 7.", error.message)
    }

    @Test
    fun labelsAreReadAsTheyAre() {
        assertEquals(
            listOf("a", "", " \$x \"q\" ", "\u05d0\u202e\u2028", "\ud83c\udf4e\r"),
            readLabels(labels("a\n\n \$x \"q\" \n\u05d0\u202e\u2028\n\ud83c\udf4e\r"), "labels", 5),
        )
    }

    @Test
    fun labelsThatWereCutShortAreRefused() {
        val error = assertThrows(CorruptedModelException::class.java) {
            readLabels(labels("a\nb"), "labels", 3)
        }
        assertEquals("3 labels", error.expected)
        assertEquals("2 labels", error.found)
    }

    private fun labels(text: String) = object : ModelAssets {
        override fun open(path: String): InputStream = ByteArrayInputStream(text.toByteArray())
        override fun map(path: String): ByteBuffer = throw UnsupportedOperationException()
    }
}
