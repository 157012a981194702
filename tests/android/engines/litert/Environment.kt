package com.google.ai.edge.litert

import android.content.Context
import com.sun.jna.Memory
import com.sun.jna.Pointer

class Environment private constructor(handle: Long) : JniHandle(handle) {
    enum class Option private constructor(val value: Int) {
        CompilerPluginLibraryDir(0),
        DispatchLibraryDir(1),
        SystemRuntimeHandle(23),
        SystemGpuAcceleratorHandle(30),
    }

    override fun destroy() {
        LiteRtLibrary.LiteRtDestroyEnvironment(handle)
    }

    @Throws(LiteRtException::class)
    fun getAvailableAccelerators(): Set<Accelerator> {
        assertNotDestroyed()
        val count = longOf("count accelerators") {
            LiteRtLibrary.LiteRtGetNumAccelerators(handle, it)
        }
        return (0 until count).flatMapTo(mutableSetOf()) { index ->
            val accelerator = longOf("get an accelerator") {
                LiteRtLibrary.LiteRtGetAccelerator(handle, index, it)
            }
            val bits = intOf("ask an accelerator for its hardware") {
                LiteRtLibrary.LiteRtGetAcceleratorHardwareSupport(accelerator, it)
            }
            Accelerator.entries.filter { bits and it.bit != 0 }
        }
    }

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        @Suppress("UNUSED_PARAMETER")
        fun create(
            context: Context,
            options: Map<Option, String> = mapOf(),
            enableCompilerCache: Boolean = true,
        ): Environment = declaredOnly()

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment =
            create(options.mapKeys { it.key.value }, LiteRtLibrary.file.parent)

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        @Suppress("UNUSED_PARAMETER")
        fun create(
            context: Context,
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
            enableCompilerCache: Boolean = true,
        ): Environment = declaredOnly()

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
        ): Environment {
            val more = options.toMutableMap()
            if (
                npuAcceleratorProvider.isDeviceSupported() &&
                npuAcceleratorProvider.isLibraryReady()
            ) {
                more[Option.DispatchLibraryDir] = npuAcceleratorProvider.getLibraryDir()
                more[Option.CompilerPluginLibraryDir] = npuAcceleratorProvider.getLibraryDir()
            }
            return create(more)
        }

        // Android finds the accelerators' libraries in the app; here LiteRT is told where they are.
        private const val RUNTIME_LIBRARY_DIR = 22

        // LiteRtEnvOption: a tag, then a LiteRtAny: what it holds, then a pointer to a text.
        private const val OPTION_BYTES = 24L
        private const val ANY_TYPE = 8L
        private const val ANY_VALUE = 16L
        private const val ANY_IS_TEXT = 8

        private fun create(options: Map<Int, String>, libraries: String): Environment {
            val all = options + (RUNTIME_LIBRARY_DIR to libraries)
            val texts = all.values.map(::CText)
            val array = Memory(all.size * OPTION_BYTES)
            all.keys.forEachIndexed { index, tag ->
                array.setInt(index * OPTION_BYTES, tag)
                array.setInt(index * OPTION_BYTES + ANY_TYPE, ANY_IS_TEXT)
                array.setLong(index * OPTION_BYTES + ANY_VALUE, texts[index].address)
            }
            return Environment(
                longOf("create an environment") {
                    LiteRtLibrary.LiteRtCreateEnvironment(all.size, Pointer.nativeValue(array), it)
                },
            )
        }
    }
}
