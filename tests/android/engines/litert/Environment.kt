package com.google.ai.edge.litert

import android.content.Context
import com.sun.jna.Memory
import com.sun.jna.Pointer
import java.lang.ref.Reference

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
        fun create(
            context: Context,
            options: Map<Option, String> = mapOf(),
            enableCompilerCache: Boolean = true,
        ): Environment = create(
            options.mapKeys { it.key.value } +
                if (enableCompilerCache) cacheOf(context) else mapOf(),
            LiteRtLibrary.file.parent,
        )

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(options: Map<Option, String> = mapOf()): Environment =
            create(options.mapKeys { it.key.value }, LiteRtLibrary.file.parent)

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            context: Context,
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
            enableCompilerCache: Boolean = true,
        ): Environment =
            create(context, options + libraries(npuAcceleratorProvider), enableCompilerCache)

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
        ): Environment = create(options + libraries(npuAcceleratorProvider))

        private fun libraries(provider: NpuAcceleratorProvider): Map<Option, String> {
            if (!provider.isDeviceSupported() || !provider.isLibraryReady()) return mapOf()
            return mapOf(
                Option.DispatchLibraryDir to provider.getLibraryDir(),
                Option.CompilerPluginLibraryDir to provider.getLibraryDir(),
            )
        }

        private fun cacheOf(context: Context): Map<Int, String> =
            mapOf(COMPILER_CACHE_DIR to context.cacheDir.absolutePath)

        private const val COMPILER_CACHE_DIR = 18

        // Android finds the accelerators' libraries in the app; here LiteRT is told where they are.
        private const val RUNTIME_LIBRARY_DIR = 22

        private const val MIN_LOGGER_SEVERITY = 25
        private const val ERRORS = 3L

        // LiteRtEnvOption: a tag, then a LiteRtAny: what it holds, then a number or a pointer.
        private const val OPTION_BYTES = 24L
        private const val ANY_TYPE = 8L
        private const val ANY_VALUE = 16L
        private const val ANY_IS_INT = 2
        private const val ANY_IS_TEXT = 8

        private fun create(options: Map<Int, String>, libraries: String): Environment {
            val texts = (options + (RUNTIME_LIBRARY_DIR to libraries)).mapValues { CText(it.value) }
            val all = texts.map { Triple(it.key, ANY_IS_TEXT, it.value.address) } +
                Triple(MIN_LOGGER_SEVERITY, ANY_IS_INT, ERRORS)
            val array = Memory(all.size * OPTION_BYTES)
            all.forEachIndexed { index, (tag, type, value) ->
                array.setInt(index * OPTION_BYTES, tag)
                array.setInt(index * OPTION_BYTES + ANY_TYPE, type)
                array.setLong(index * OPTION_BYTES + ANY_VALUE, value)
            }
            val handle = longOf("create an environment") {
                LiteRtLibrary.LiteRtCreateEnvironment(all.size, Pointer.nativeValue(array), it)
            }
            // LiteRT copies the texts.
            Reference.reachabilityFence(texts)
            return Environment(handle)
        }
    }
}
