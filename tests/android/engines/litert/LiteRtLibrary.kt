package com.google.ai.edge.litert

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import java.io.File

/**
 * The functions of LiteRT's C API (`litert/c`) that its Kotlin API needs. Pointers and `size_t` are
 * 64 bits wide; each function returns a `LiteRtStatus`.
 */
@Suppress("FunctionName")
internal object LiteRtLibrary {
    val file = File(System.getProperty("litert.library") ?: error("litert.library is not set"))

    init {
        Native.register(LiteRtLibrary::class.java, file.path)
    }

    @JvmStatic
    external fun LiteRtCreateEnvironment(count: Int, options: Long, environment: Long): Int

    @JvmStatic
    external fun LiteRtDestroyEnvironment(environment: Long)

    @JvmStatic
    external fun LiteRtGetNumAccelerators(environment: Long, count: Long): Int

    @JvmStatic
    external fun LiteRtGetAccelerator(environment: Long, index: Long, accelerator: Long): Int

    @JvmStatic
    external fun LiteRtGetAcceleratorHardwareSupport(accelerator: Long, bits: Long): Int

    @JvmStatic
    external fun LiteRtCreateModelFromFile(environment: Long, path: Long, model: Long): Int

    @JvmStatic
    external fun LiteRtCreateModelFromBuffer(
        environment: Long,
        address: Long,
        size: Long,
        model: Long,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyModel(model: Long)

    @JvmStatic
    external fun LiteRtGetNumModelSignatures(model: Long, count: Long): Int

    @JvmStatic
    external fun LiteRtGetModelSignature(model: Long, index: Long, signature: Long): Int

    @JvmStatic
    external fun LiteRtGetSignatureKey(signature: Long, key: Long): Int

    @JvmStatic
    external fun LiteRtGetNumSignatureInputs(signature: Long, count: Long): Int

    @JvmStatic
    external fun LiteRtGetNumSignatureOutputs(signature: Long, count: Long): Int

    @JvmStatic
    external fun LiteRtGetSignatureInputName(signature: Long, index: Long, name: Long): Int

    @JvmStatic
    external fun LiteRtGetSignatureOutputName(signature: Long, index: Long, name: Long): Int

    @JvmStatic
    external fun LiteRtGetSignatureInputTensorByIndex(signature: Long, at: Long, tensor: Long): Int

    @JvmStatic
    external fun LiteRtGetSignatureOutputTensorByIndex(signature: Long, at: Long, tensor: Long): Int

    @JvmStatic
    external fun LiteRtGetRankedTensorType(tensor: Long, type: Long): Int

    @JvmStatic
    external fun LiteRtCreateOptions(options: Long): Int

    @JvmStatic
    external fun LiteRtDestroyOptions(options: Long)

    @JvmStatic
    external fun LiteRtSetOptionsHardwareAccelerators(options: Long, bits: Int): Int

    @JvmStatic
    external fun LiteRtCreateOpaqueOptions(
        identifier: Long,
        payload: Long,
        free: Long,
        options: Long,
    ): Int

    @JvmStatic
    external fun LiteRtAddOpaqueOptions(options: Long, opaque: Long): Int

    @JvmStatic
    external fun LiteRtCreateCompiledModel(
        environment: Long,
        model: Long,
        options: Long,
        compiled: Long,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyCompiledModel(compiled: Long)

    @JvmStatic
    external fun LiteRtGetCompiledModelInputTensorLayout(
        compiled: Long,
        signature: Long,
        index: Long,
        layout: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetCompiledModelOutputTensorLayouts(
        compiled: Long,
        signature: Long,
        count: Long,
        layouts: Long,
        update: Boolean,
    ): Int

    @JvmStatic
    external fun LiteRtGetCompiledModelInputBufferRequirements(
        compiled: Long,
        signature: Long,
        index: Long,
        requirements: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetCompiledModelOutputBufferRequirements(
        compiled: Long,
        signature: Long,
        index: Long,
        requirements: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetNumTensorBufferRequirementsSupportedBufferTypes(
        requirements: Long,
        count: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetTensorBufferRequirementsSupportedTensorBufferType(
        requirements: Long,
        index: Int,
        type: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetTensorBufferRequirementsBufferSize(requirements: Long, size: Long): Int

    @JvmStatic
    external fun LiteRtGetTensorBufferRequirementsStrides(
        requirements: Long,
        count: Long,
        strides: Long,
    ): Int

    @JvmStatic
    external fun LiteRtCreateManagedTensorBufferFromRequirements(
        environment: Long,
        type: Long,
        requirements: Long,
        buffer: Long,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyTensorBuffer(buffer: Long)

    @JvmStatic
    external fun LiteRtGetTensorBufferTensorType(buffer: Long, type: Long): Int

    @JvmStatic
    external fun LiteRtGetTensorBufferPackedSize(buffer: Long, size: Long): Int

    @JvmStatic
    external fun LiteRtLockTensorBuffer(buffer: Long, address: Long, mode: Int): Int

    @JvmStatic
    external fun LiteRtUnlockTensorBuffer(buffer: Long): Int

    @JvmStatic
    external fun LiteRtRunCompiledModel(
        compiled: Long,
        signature: Long,
        inputCount: Long,
        inputs: LongArray,
        outputCount: Long,
        outputs: LongArray,
    ): Int
}

/** Throws where a function of LiteRT did not return success. */
internal fun succeed(status: Int, what: String) {
    if (status != Status.Ok.code) {
        val named = Status.entries.find { it.code == status }
        throw LiteRtException(named ?: Status.ErrorUnknown, "Failed to $what: ${named ?: status}")
    }
}

/** Where C functions put what they return. */
internal class Result(bytes: Long = Long.SIZE_BYTES.toLong()) {
    private val memory = Memory(bytes)

    val address: Long = Pointer.nativeValue(memory)
    val long: Long get() = memory.getLong(0)
    val int: Int get() = memory.getInt(0)
    val text: String get() = memory.getPointer(0).getString(0, Charsets.UTF_8.name())

    fun intAt(offset: Long): Int = memory.getInt(offset)

    fun copyInto(other: Result, from: Long, to: Long, bytes: Long) {
        other.memory.write(to, memory.getByteArray(from, bytes.toInt()), 0, bytes.toInt())
    }
}

/** Calls a C function that returns a number or a pointer through its last argument. */
internal inline fun longOf(what: String, function: (Long) -> Int): Long =
    Result().also { succeed(function(it.address), what) }.long

internal inline fun intOf(what: String, function: (Long) -> Int): Int =
    Result().also { succeed(function(it.address), what) }.int

/** A text as C has it; it lives as long as this object. */
internal class CText(text: String) {
    private val bytes = text.toByteArray()
    private val memory = Memory(bytes.size + 1L).apply {
        write(0, bytes, 0, bytes.size)
        setByte(bytes.size.toLong(), 0)
    }

    val address: Long = Pointer.nativeValue(memory)
}

/** `LiteRtRankedTensorType`: the element type, the rank in 7 bits, up to 8 dimensions, strides. */
internal class RankedType {
    val result = Result(BYTES)

    val elementType: Int get() = result.intAt(0)
    val rank: Int get() = result.intAt(LAYOUT) and RANK_BITS
    val dimensions: List<Int>
        get() = List(rank) { result.intAt(DIMENSIONS + it * Int.SIZE_BYTES) }

    companion object {
        const val LAYOUT = 4L
        const val LAYOUT_BYTES = 68L
        const val BYTES = LAYOUT + LAYOUT_BYTES
        private const val DIMENSIONS = 8L
        private const val RANK_BITS = 0x7F
    }
}

/** The element types that the Kotlin API knows, by `LiteRtElementType`. */
internal val elementTypes: Map<Int, TensorType.ElementType> = mapOf(
    1 to TensorType.ElementType.FLOAT,
    2 to TensorType.ElementType.INT,
    4 to TensorType.ElementType.INT64,
    6 to TensorType.ElementType.BOOLEAN,
    9 to TensorType.ElementType.INT8,
)
