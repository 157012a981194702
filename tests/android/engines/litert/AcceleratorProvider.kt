package com.google.ai.edge.litert

import android.content.Context
import android.os.Build

interface NpuCompatibilityChecker {
    fun isDeviceSupported(): Boolean

    companion object {
        val Qualcomm: NpuCompatibilityChecker = maker("Qualcomm", "QTI")

        val Mediatek: NpuCompatibilityChecker = maker("Mediatek", "MTK")

        val GoogleTensor: NpuCompatibilityChecker = maker("Google")

        val Samsung: NpuCompatibilityChecker = maker("Samsung")

        val Default =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean =
                    listOf(Qualcomm, Mediatek, GoogleTensor, Samsung).any {
                        it.isDeviceSupported()
                    }
            }

        private fun maker(vararg names: String) =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean =
                    Build.VERSION.SDK_INT >= Build.VERSION_CODES.S &&
                        names.any { it.equals(Build.SOC_MANUFACTURER, ignoreCase = true) }
            }
    }
}

interface NpuAcceleratorProvider {
    fun isDeviceSupported(): Boolean

    fun isLibraryReady(): Boolean

    suspend fun downloadLibrary()

    fun getLibraryDir(): String
}

class BuiltinNpuAcceleratorProvider
@JvmOverloads
constructor(
    private val context: Context,
    private val npuCompatibilityChecker: NpuCompatibilityChecker = NpuCompatibilityChecker.Default,
) : NpuAcceleratorProvider {
    override fun isDeviceSupported(): Boolean = npuCompatibilityChecker.isDeviceSupported()

    override fun isLibraryReady(): Boolean = true

    override suspend fun downloadLibrary() {
        // Nothing to do for libraries that are in the app.
    }

    override fun getLibraryDir(): String = context.applicationInfo.nativeLibraryDir
}
