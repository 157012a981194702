package com.google.ai.edge.litert

import android.content.res.AssetManager
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer

data class TensorType
@JvmOverloads
constructor(val elementType: ElementType, val layout: Layout? = null) {
    enum class ElementType {
        INT,
        FLOAT,
        INT8,
        BOOLEAN,
        INT64,
    }

    data class Layout
    @JvmOverloads
    constructor(val dimensions: List<Int>, val strides: List<Int> = listOf()) {
        @JvmOverloads
        constructor(
            dimensions: IntArray,
            strides: IntArray = intArrayOf(),
        ) : this(dimensions.toList(), strides.toList())

        val rank: Int
            get() = dimensions.size

        val hasStrides: Boolean
            get() = strides.isNotEmpty()
    }
}

class CompiledModel private constructor(
    handle: Long,
    private val model: LoadedModel,
    private val env: Environment,
    private val envManaged: Boolean,
) : JniHandle(handle) {
    data class CpuOptions
    constructor(
        val numThreads: Int? = null,
        val xnnPackFlags: Int? = null,
        val xnnPackWeightCachePath: String? = null,
    )

    data class GpuOptions
    constructor(
        val constantTensorSharing: Boolean? = null,
        val infiniteFloatCapping: Boolean? = null,
        val allowSrcQuantizedFcConvOps: Boolean? = null,
        val precision: Precision? = null,
        val bufferStorageType: BufferStorageType? = null,
        val preferTextureWeights: Boolean? = null,
        val serializationDir: String? = null,
        val modelCacheKey: String? = null,
        val serializeProgramCache: Boolean? = null,
        val serializeExternalTensors: Boolean? = null,
        val externalTensorsMode: Boolean? = null,
        val externalTensorPattern: String? = null,
        val backend: Backend? = null,
        val priority: Priority? = null,
        val numStepsOfCommandBufferPreparations: Int? = null,
    ) {
        enum class Precision constructor(val value: Int) {
            DEFAULT(0),
            FP16(1),
            FP32(2),
            FP16_WITH_FP32_ACCUM(3),
        }

        enum class BufferStorageType constructor(val value: Int) {
            DEFAULT(0),
            BUFFER(1),
            TEXTURE_2D(2),
        }

        enum class Backend constructor(val value: Int) {
            AUTOMATIC(0),
            OPENCL(1),

            @Deprecated("Use AUTOMATIC instead.")
            WEBGPU(2),
            OPENGL(3),
        }

        enum class Priority constructor(val value: Int) {
            DEFAULT(0),
            LOW(1),
            NORMAL(2),
            HIGH(3),
        }
    }

    data class QualcommOptions
    constructor(
        val logLevel: LogLevel? = null,
        @Deprecated("This option is deprecated and will be no-op.")
        val useHtpPreference: Boolean? = null,
        @Deprecated("This option is deprecated and will be no-op.")
        val useQint16AsQuint16: Boolean? = null,
        val enableWeightSharing: Boolean? = null,
        val dumpTensorIds: List<Int>? = null,
        val useConvHmx: Boolean? = null,
        val useFoldRelu: Boolean? = null,
        val htpPerformanceMode: HtpPerformanceMode? = null,
        val profiling: Profiling? = null,
        val irJsonDir: String? = null,
        val dlcDir: String? = null,
        val vtcmSize: Int? = null,
        val numHvxThreads: Int? = null,
        val optimizationLevel: OptimizationLevel? = null,
    ) {
        enum class LogLevel constructor(val value: Int) {
            OFF(0),
            ERROR(1),
            WARN(2),
            INFO(3),
            VERBOSE(4),
            DEBUG(5),
        }

        enum class HtpPerformanceMode constructor(val value: Int) {
            DEFAULT(0),
            SUSTAINED_HIGH_PERFORMANCE(1),
            BURST(2),
            HIGH_PERFORMANCE(3),
            POWER_SAVER(4),
            LOW_POWER_SAVER(5),
            HIGH_POWER_SAVER(6),
            LOW_BALANCED(7),
            BALANCED(8),
            EXTREME_POWER_SAVER(9),
        }

        enum class Profiling constructor(val value: Int) {
            OFF(0),
            BASIC(1),
            DETAILED(2),
            LINTING(3),
            OPTRACE(4),
        }

        enum class OptimizationLevel constructor(val value: Int) {
            HTP_OPTIMIZE_FOR_INFERENCE(0),
            HTP_OPTIMIZE_FOR_PREPARE(1),
            HTP_OPTIMIZE_FOR_INFERENCE_O3(2),
        }
    }

    class Options constructor(internal val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        var cpuOptions: CpuOptions? = null
        var gpuOptions: GpuOptions? = null
        var qualcommOptions: QualcommOptions? = null

        companion object {
            @JvmStatic
            val CPU = Options(Accelerator.CPU)
        }
    }

    @Throws(LiteRtException::class)
    fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer =
        model.signature(signature).let { inputBuffer(it, it.input(inputName)) }

    @Throws(LiteRtException::class)
    fun getInputBufferRequirements(
        inputName: String,
        signature: String = "",
    ): TensorBufferRequirements =
        model.signature(signature).let { described(inputRequirements(it, it.input(inputName))) }

    @Throws(LiteRtException::class)
    fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer =
        model.signature(signature).let { outputBuffer(it, it.output(outputName)) }

    @Throws(LiteRtException::class)
    fun getOutputBufferRequirements(
        outputName: String,
        signature: String = "",
    ): TensorBufferRequirements =
        model.signature(signature).let { described(outputRequirements(it, it.output(outputName))) }

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> =
        inputBuffers(model.signature(signatureIndex))

    @Throws(LiteRtException::class)
    fun createInputBuffers(signature: String): List<TensorBuffer> =
        inputBuffers(model.signature(signature))

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> =
        outputBuffers(model.signature(signatureIndex))

    @Throws(LiteRtException::class)
    fun createOutputBuffers(signature: String): List<TensorBuffer> =
        outputBuffers(model.signature(signature))

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun run(inputs: List<TensorBuffer>, signatureIndex: Int = 0): List<TensorBuffer> =
        createOutputBuffers(signatureIndex).also { run(inputs, it, signatureIndex) }

    @Throws(LiteRtException::class)
    fun run(inputs: List<TensorBuffer>, signature: String): List<TensorBuffer> =
        createOutputBuffers(signature).also { run(inputs, it, signature) }

    @Throws(LiteRtException::class)
    @JvmOverloads
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0) {
        assertNotDestroyed()
        succeed(
            LiteRtLibrary.LiteRtRunCompiledModel(
                handle,
                signatureIndex.toLong(),
                inputs.size.toLong(),
                inputs.map { it.handle }.toLongArray(),
                outputs.size.toLong(),
                outputs.map { it.handle }.toLongArray(),
            ),
            "run the model",
        )
    }

    @Throws(LiteRtException::class)
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signature: String) {
        run(inputs, outputs, model.signature(signature).index)
    }

    @Throws(LiteRtException::class)
    fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ) {
        val names = model.signature(signature)
        run(
            names.inputs.map { inputs.getValue(it) },
            names.outputs.map { outputs.getValue(it) },
            names.index,
        )
    }

    fun getInputTensorType(inputName: String, signature: String = ""): TensorType {
        assertNotDestroyed()
        return model.signature(signature).let { described(it.inputType(it.input(inputName))) }
    }

    fun getOutputTensorType(outputName: String, signature: String = ""): TensorType {
        assertNotDestroyed()
        return model.signature(signature).let { described(it.outputType(it.output(outputName))) }
    }

    override fun destroy() {
        LiteRtLibrary.LiteRtDestroyCompiledModel(handle)
        model.close()
        if (envManaged) {
            env.close()
        }
    }

    private fun inputBuffers(signature: LoadedSignature): List<TensorBuffer> =
        signature.inputs.indices.map { inputBuffer(signature, it) }

    private fun outputBuffers(signature: LoadedSignature): List<TensorBuffer> =
        signature.outputs.indices.map { outputBuffer(signature, it) }

    private fun inputBuffer(signature: LoadedSignature, index: Int): TensorBuffer {
        assertNotDestroyed()
        val type = signature.inputType(index)
        succeed(
            LiteRtLibrary.LiteRtGetCompiledModelInputTensorLayout(
                handle,
                signature.index.toLong(),
                index.toLong(),
                type.result.address + RankedType.LAYOUT,
            ),
            "get an input's layout",
        )
        return buffer(type, inputRequirements(signature, index))
    }

    private fun outputBuffer(signature: LoadedSignature, index: Int): TensorBuffer {
        assertNotDestroyed()
        val count = signature.outputs.size.toLong()
        val layouts = Result(count * RankedType.LAYOUT_BYTES)
        succeed(
            LiteRtLibrary.LiteRtGetCompiledModelOutputTensorLayouts(
                handle,
                signature.index.toLong(),
                count,
                layouts.address,
                false,
            ),
            "get the outputs' layouts",
        )
        val type = signature.outputType(index)
        layouts.copyInto(
            type.result,
            from = index * RankedType.LAYOUT_BYTES,
            to = RankedType.LAYOUT,
            bytes = RankedType.LAYOUT_BYTES,
        )
        return buffer(type, outputRequirements(signature, index))
    }

    private fun buffer(type: RankedType, requirements: Long): TensorBuffer = TensorBuffer(
        longOf("create a buffer") {
            LiteRtLibrary.LiteRtCreateManagedTensorBufferFromRequirements(
                env.handle,
                type.result.address,
                requirements,
                it,
            )
        },
    )

    private fun inputRequirements(signature: LoadedSignature, index: Int): Long =
        longOf("get an input's requirements") {
            LiteRtLibrary.LiteRtGetCompiledModelInputBufferRequirements(
                handle,
                signature.index.toLong(),
                index.toLong(),
                it,
            )
        }

    private fun outputRequirements(signature: LoadedSignature, index: Int): Long =
        longOf("get an output's requirements") {
            LiteRtLibrary.LiteRtGetCompiledModelOutputBufferRequirements(
                handle,
                signature.index.toLong(),
                index.toLong(),
                it,
            )
        }

    private fun described(requirements: Long): TensorBufferRequirements {
        val types = intOf("count buffer types") {
            LiteRtLibrary.LiteRtGetNumTensorBufferRequirementsSupportedBufferTypes(requirements, it)
        }
        val strides = Result()
        val count = intOf("get strides") {
            LiteRtLibrary.LiteRtGetTensorBufferRequirementsStrides(
                requirements,
                it,
                strides.address,
            )
        }
        return TensorBufferRequirements(
            IntArray(types) { index ->
                intOf("get a buffer type") {
                    LiteRtLibrary.LiteRtGetTensorBufferRequirementsSupportedTensorBufferType(
                        requirements,
                        index,
                        it,
                    )
                }
            },
            longOf("get a buffer's size") {
                LiteRtLibrary.LiteRtGetTensorBufferRequirementsBufferSize(requirements, it)
            }.toInt(),
            if (count == 0) intArrayOf() else Pointer(strides.long).getIntArray(0, count),
        )
    }

    private fun described(type: RankedType): TensorType {
        val elementType = elementTypes[type.elementType]
            ?: throw LiteRtException(
                Status.ErrorUnsupported,
                "Unsupported element type in Kotlin",
            )
        return TensorType(elementType, TensorType.Layout(type.dimensions))
    }

    companion object {
        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = create(options, optionalEnv) { environment ->
            val content = assetManager.open(assetName).use { it.readBytes() }
            LoadedModel.of(content, environment)
        }

        @Throws(LiteRtException::class)
        @JvmOverloads
        @JvmStatic
        fun create(
            filePath: String,
            options: Options = Options.CPU,
            optionalEnv: Environment? = null,
        ): CompiledModel = create(options, optionalEnv) { LoadedModel.of(filePath, it) }

        private fun create(
            options: Options,
            optionalEnv: Environment?,
            load: (Environment) -> LoadedModel,
        ): CompiledModel {
            val env = optionalEnv ?: Environment.create()
            val model = load(env)
            val native = nativeOptions(options)
            try {
                val handle = longOf("create compiled model") {
                    LiteRtLibrary.LiteRtCreateCompiledModel(env.handle, model.handle, native, it)
                }
                return CompiledModel(handle, model, env, envManaged = optionalEnv == null)
            } catch (error: LiteRtException) {
                model.close()
                throw error
            } finally {
                LiteRtLibrary.LiteRtDestroyOptions(native)
            }
        }

        private fun nativeOptions(options: Options): Long {
            val native = longOf("create options", LiteRtLibrary::LiteRtCreateOptions)
            // As LiteRT does it: the NPU alone is the NPU with the CPU.
            val accelerators =
                if (options.accelerators == setOf(Accelerator.NPU)) {
                    setOf(Accelerator.NPU, Accelerator.CPU)
                } else {
                    options.accelerators
                }
            succeed(
                LiteRtLibrary.LiteRtSetOptionsHardwareAccelerators(
                    native,
                    accelerators.sumOf { it.bit },
                ),
                "choose accelerators",
            )
            options.cpuOptions?.let { add(native, "xnnpack", described(it)) }
            options.gpuOptions?.let { add(native, "gpu_options", described(it)) }
            if (options.qualcommOptions != null) declaredOnly()
            return native
        }

        /** Adds options in the form in which LiteRT's own C++ passes them on: TOML. */
        private fun add(native: Long, identifier: String, values: Map<String, Any?>) {
            val toml = values.filterValues { it != null }.map { (key, value) ->
                if (value is String) "$key = \"$value\"\n" else "$key = $value\n"
            }
            val bytes = toml.joinToString("").toByteArray()
            val payload = Pointer(Native.malloc(bytes.size + 1L))
            payload.write(0, bytes, 0, bytes.size)
            payload.setByte(bytes.size.toLong(), 0)
            val free = NativeLibrary.getInstance("c").getFunction("free")
            val name = CText(identifier)
            val opaque = longOf("create options") {
                LiteRtLibrary.LiteRtCreateOpaqueOptions(
                    name.address,
                    Pointer.nativeValue(payload),
                    Pointer.nativeValue(free),
                    it,
                )
            }
            succeed(LiteRtLibrary.LiteRtAddOpaqueOptions(native, opaque), "add options")
        }

        private fun described(options: CpuOptions): Map<String, Any?> = mapOf(
            "num_threads" to options.numThreads,
            "flags" to options.xnnPackFlags,
            "weight_cache_file_path" to options.xnnPackWeightCachePath,
        )

        private fun described(options: GpuOptions): Map<String, Any?> = mapOf(
            "enable_constant_tensors_sharing" to options.constantTensorSharing,
            "enable_infinite_float_capping" to options.infiniteFloatCapping,
            "allow_src_quantized_fc_conv_ops" to options.allowSrcQuantizedFcConvOps,
            "precision" to options.precision?.value,
            "buffer_storage_type" to options.bufferStorageType?.value,
            "prefer_texture_weights" to options.preferTextureWeights,
            "serialization_dir" to options.serializationDir,
            "model_cache_key" to options.modelCacheKey,
            "serialize_program_cache" to options.serializeProgramCache,
            "serialize_external_tensors" to options.serializeExternalTensors,
            "external_tensors_mode" to options.externalTensorsMode,
            "backend" to options.backend?.value,
            "priority" to options.priority?.value,
            "num_steps_of_command_buffer_preparations" to
                options.numStepsOfCommandBufferPreparations,
        )
    }
}

/** A model file in memory, and its signatures. */
internal class LoadedModel private constructor(
    val handle: Long,
    // LiteRT does not copy it.
    @Suppress("unused") private val content: Memory?,
) : AutoCloseable {
    private val signatures: List<LoadedSignature> = List(
        longOf("count signatures") {
            LiteRtLibrary.LiteRtGetNumModelSignatures(handle, it)
        }.toInt(),
    ) { index ->
        LoadedSignature(
            index,
            longOf("get a signature") {
                LiteRtLibrary.LiteRtGetModelSignature(handle, index.toLong(), it)
            },
        )
    }

    fun signature(index: Int): LoadedSignature =
        signatures.getOrNull(index) ?: notFound("signature $index")

    /** The first one where no name is given. */
    fun signature(key: String): LoadedSignature =
        signatures.find { key.isEmpty() || it.key == key } ?: notFound("signature $key")

    override fun close() {
        LiteRtLibrary.LiteRtDestroyModel(handle)
    }

    companion object {
        fun of(filePath: String, environment: Environment): LoadedModel {
            val path = CText(filePath)
            val handle = longOf("load $filePath") {
                LiteRtLibrary.LiteRtCreateModelFromFile(environment.handle, path.address, it)
            }
            return LoadedModel(handle, content = null)
        }

        fun of(content: ByteArray, environment: Environment): LoadedModel {
            val memory = Memory(content.size.toLong())
            memory.write(0, content, 0, content.size)
            val handle = longOf("load a model") {
                LiteRtLibrary.LiteRtCreateModelFromBuffer(
                    environment.handle,
                    Pointer.nativeValue(memory),
                    memory.size(),
                    it,
                )
            }
            return LoadedModel(handle, memory)
        }
    }
}

/** One signature of a model, with its inputs and outputs in their order. */
internal class LoadedSignature(val index: Int, private val handle: Long) {
    val key: String = text { LiteRtLibrary.LiteRtGetSignatureKey(handle, it) }
    val inputs: List<String> = List(
        longOf("count inputs") {
            LiteRtLibrary.LiteRtGetNumSignatureInputs(handle, it)
        }.toInt(),
    ) { at -> text { LiteRtLibrary.LiteRtGetSignatureInputName(handle, at.toLong(), it) } }
    val outputs: List<String> = List(
        longOf("count outputs") {
            LiteRtLibrary.LiteRtGetNumSignatureOutputs(handle, it)
        }.toInt(),
    ) { at -> text { LiteRtLibrary.LiteRtGetSignatureOutputName(handle, at.toLong(), it) } }

    fun input(name: String): Int =
        inputs.indexOf(name).also { if (it < 0) notFound("input $name") }

    fun output(name: String): Int =
        outputs.indexOf(name).also { if (it < 0) notFound("output $name") }

    fun inputType(index: Int): RankedType = type(
        longOf("get an input") {
            LiteRtLibrary.LiteRtGetSignatureInputTensorByIndex(handle, index.toLong(), it)
        },
    )

    fun outputType(index: Int): RankedType = type(
        longOf("get an output") {
            LiteRtLibrary.LiteRtGetSignatureOutputTensorByIndex(handle, index.toLong(), it)
        },
    )

    private fun type(tensor: Long): RankedType = RankedType().also {
        succeed(
            LiteRtLibrary.LiteRtGetRankedTensorType(tensor, it.result.address),
            "get a tensor's type",
        )
    }

    private inline fun text(function: (Long) -> Int): String =
        Result().also { succeed(function(it.address), "get a name") }.text
}

private fun notFound(what: String): Nothing =
    throw LiteRtException(Status.ErrorNotFound, "Failed to find $what")
