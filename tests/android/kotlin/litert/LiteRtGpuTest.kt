package com.example.models

import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File

/** LiteRT's own GPU accelerator, on this machine's Vulkan device. */
internal class LiteRtGpuTest {
    private val loader = LiteRtEngineLoader(FolderPlace(File(System.getProperty("assets"))))

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
}
