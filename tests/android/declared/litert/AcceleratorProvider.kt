package com.google.ai.edge.litert

import android.content.Context

interface NpuCompatibilityChecker {
    fun isDeviceSupported(): Boolean

    companion object {
        val Qualcomm =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean = declaredOnly()
            }

        val Mediatek =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean = declaredOnly()
            }

        val GoogleTensor =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean = declaredOnly()
            }

        val Samsung =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean = declaredOnly()
            }

        val Default =
            object : NpuCompatibilityChecker {
                override fun isDeviceSupported(): Boolean = declaredOnly()
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
    override fun isDeviceSupported(): Boolean = declaredOnly()

    override fun isLibraryReady(): Boolean = declaredOnly()

    override suspend fun downloadLibrary() {
        declaredOnly()
    }

    override fun getLibraryDir(): String = declaredOnly()
}
