package com.example.models

import android.content.Context
import android.os.Build
import androidx.test.core.app.ApplicationProvider
import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.util.ReflectionHelpers

/** The loader as apps get it, with Android's own assets. */
@RunWith(AndroidJUnit4::class)
class AndroidLiteRtTest {
    private val context: Context = ApplicationProvider.getApplicationContext()
    private val loader = engineLoader(context)
    private val artifact = MixedSpec.model.artifacts.single()

    @Test
    fun anArtifactIsLoadedFromTheAppsAssets() {
        loader.load(artifact, Accelerator.CPU).use { engine ->
            engine.write(0, FloatArray(3))
            engine.write(1, intArrayOf(4, 5))
            engine.write(2, LongArray(1))
            engine.write(3, BooleanArray(4))
            engine.write(4, ByteArray(5))
            engine.invoke()
            assertArrayEquals(intArrayOf(5, 6), IntArray(2).also { engine.read(1, it) })
        }
    }

    @Test
    fun anAssetThatIsMissingIsReported() {
        val missing = ArtifactSpec("tflite-fp32", "no.tflite", "", 0, listOf(), listOf(), mapOf())
        val error = assertThrows(ModelRunException::class.java) {
            loader.load(missing, Accelerator.CPU)
        }
        val said = error.message!!
        assertTrue(said, said.startsWith("LiteRT could not load no.tflite on CPU"))
    }

    @Test
    fun aDeviceWithoutANeuralProcessorSaysSo() {
        val reason = loader.unavailable(Accelerator.NPU)
        assertEquals("LiteRT knows no neural processor in this device.", reason)
    }

    /** LiteRT looks for its libraries when it compiles a model; without them it offers the CPU. */
    @Test
    fun aNeuralProcessorWithoutLibrariesIsNotTheCpu() {
        ReflectionHelpers.setStaticField(Build::class.java, "SOC_MANUFACTURER", "QTI")
        context.applicationInfo.nativeLibraryDir = context.filesDir.path
        assertNull(loader.unavailable(Accelerator.NPU))
        assertThrows(ModelRunException::class.java) { loader.load(artifact, Accelerator.NPU) }
    }

    @Test
    fun theProcessorIsAlwaysThere() {
        assertNull(loader.unavailable(Accelerator.CPU))
    }
}
