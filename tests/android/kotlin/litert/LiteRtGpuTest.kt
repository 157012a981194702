package com.example.models

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File

/** LiteRT's own GPU accelerator, on this machine's Vulkan device. */
internal class LiteRtGpuTest {
    private val place = FolderPlace(File(System.getProperty("assets")))
    private val loader = LiteRtEngineLoader(place)

    @Test
    fun theGpuIsThere() {
        assertNull(loader.unavailable(Accelerator.GPU))
    }

    @Test
    fun aModelThatTheGpuTakesInPartIsRefusedWhole() {
        val artifact = ShuffleSpec.model.artifacts.single()
        val error = assertThrows(ModelRunException::class.java) {
            loader.load(artifact, Accelerator.GPU)
        }
        assertTrue(error.message, "could not load ${artifact.asset} on GPU" in error.message!!)
        loader.load(artifact, Accelerator.CPU).close()
    }

    @Test
    fun whatWasCompiledIsKeptAndDamageToItChangesNoAnswer() {
        val expected = scores()
        val kept = place.compiled.listFiles().orEmpty().single()
        val sound = kept.readBytes()
        val changed = sound.copyOf().also { for (at in 1000 until it.size step 97) it[at]++ }
        for (content in listOf(sound, sound.copyOf(sound.size / 3), changed, ByteArray(0))) {
            kept.writeBytes(content)
            assertArrayEquals(expected, scores(), 0f)
        }
    }

    private fun scores(): FloatArray =
        loader.load(DigitsSpec.model.artifacts.first(), Accelerator.GPU).use { engine ->
            engine.write(0, FloatArray(64) { it / 64f })
            engine.invoke()
            FloatArray(10).also { engine.read(0, it) }
        }
}
