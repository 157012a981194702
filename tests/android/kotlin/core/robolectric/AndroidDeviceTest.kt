package com.example.digits

import android.app.Application
import android.os.Build
import com.example.digits.Accelerator.GPU
import java.io.File
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.util.ReflectionHelpers

/** The choice with Android's own context, assets and folders. */
@RunWith(RobolectricTestRunner::class)
class AndroidDeviceTest {
    private val context: Application = RuntimeEnvironment.getApplication()
    private val memory = File(context.noBackupFilesDir, "mobilekit/com.example.digits")
    private val clock = FakeClock()
    private val device = FakeDevice(clock)

    @Before
    fun standInForTheRuntime() {
        device.behaviours[Candidate(GPU, "fp32")] = FAST
        standIn = device
    }

    private fun choose(): AcceleratorChoice =
        ModelRunner.open(context, TestModel.spec("fp32"), AcceleratorPolicy.only(GPU))
            .use { it.choice }

    @Test
    fun assetsAreReadAndMapped() {
        val assets = AndroidModelAssets(context.assets)
        for ((path, content) in TestModel.assets("fp32").files) {
            assertArrayEquals(content, assets.open(path).use { it.readBytes() })
            val mapped = assets.map(path)
            assertTrue(mapped.isDirect)
            assertArrayEquals(content, ByteArray(mapped.remaining()).also { mapped.get(it) })
        }
    }

    @Test
    fun aChoiceIsRememberedOutsideOfBackups() {
        assertFalse(choose().remembered)
        assertTrue(choose().remembered)
        assertTrue("Test.choice.properties" in memory.list().orEmpty())
        AcceleratorChoice.forget(context)
        assertFalse(choose().remembered)
    }

    @Test
    fun nothingIsThereToForgetAtFirst() {
        AcceleratorChoice.forget(context)
        assertFalse(memory.exists())
    }

    @Test
    fun aChoiceIsMadeAgainAfterAnUpdateOfTheSystem() {
        choose()
        val fingerprint = Build.FINGERPRINT
        ReflectionHelpers.setStaticField(Build::class.java, "FINGERPRINT", "another build")
        try {
            assertFalse(choose().remembered)
        } finally {
            ReflectionHelpers.setStaticField(Build::class.java, "FINGERPRINT", fingerprint)
        }
        assertEquals(2, device.loaded.size)
    }
}
