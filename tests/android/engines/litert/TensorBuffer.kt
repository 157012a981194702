package com.google.ai.edge.litert

import com.sun.jna.Pointer

class TensorBuffer internal constructor(handle: Long) : JniHandle(handle) {
    private val result = Result()
    private val count: Int = RankedType().also {
        succeed(
            LiteRtLibrary.LiteRtGetTensorBufferTensorType(handle, it.result.address),
            "get the type of a buffer",
        )
    }.dimensions.fold(1, Int::times)

    private val bytes: Long = longOf("get the size of a buffer") {
        LiteRtLibrary.LiteRtGetTensorBufferPackedSize(handle, it)
    }

    @Throws(LiteRtException::class)
    fun writeInt(data: IntArray) {
        locked(WRITE, data.size, Int.SIZE_BYTES) { it.write(0, data, 0, data.size) }
    }

    @Throws(LiteRtException::class)
    fun writeFloat(data: FloatArray) {
        locked(WRITE, data.size, Float.SIZE_BYTES) { it.write(0, data, 0, data.size) }
    }

    @Throws(LiteRtException::class)
    fun writeInt8(data: ByteArray) {
        locked(WRITE, data.size, Byte.SIZE_BYTES) { it.write(0, data, 0, data.size) }
    }

    @Throws(LiteRtException::class)
    fun writeBoolean(data: BooleanArray) {
        locked(WRITE, data.size, Byte.SIZE_BYTES) { memory ->
            data.forEachIndexed { at, value -> memory.setByte(at.toLong(), if (value) 1 else 0) }
        }
    }

    @Throws(LiteRtException::class)
    fun writeLong(data: LongArray) {
        locked(WRITE, data.size, Long.SIZE_BYTES) { it.write(0, data, 0, data.size) }
    }

    @Throws(LiteRtException::class)
    fun readInt(): IntArray =
        locked(READ, count, Int.SIZE_BYTES) { it.getIntArray(0, count) }

    @Throws(LiteRtException::class)
    fun readFloat(): FloatArray =
        locked(READ, count, Float.SIZE_BYTES) { it.getFloatArray(0, count) }

    @Throws(LiteRtException::class)
    fun readInt8(): ByteArray =
        locked(READ, count, Byte.SIZE_BYTES) { it.getByteArray(0, count) }

    @Throws(LiteRtException::class)
    fun readBoolean(): BooleanArray =
        locked(READ, count, Byte.SIZE_BYTES) { memory ->
            BooleanArray(count) { memory.getByte(it.toLong()) != 0.toByte() }
        }

    @Throws(LiteRtException::class)
    fun readLong(): LongArray =
        locked(READ, count, Long.SIZE_BYTES) { it.getLongArray(0, count) }

    override fun destroy() {
        LiteRtLibrary.LiteRtDestroyTensorBuffer(handle)
    }

    /** As LiteRT does it: fewer values than the buffer holds are let through, more are not. */
    private inline fun <T> locked(mode: Int, values: Int, size: Int, action: (Pointer) -> T): T {
        assertNotDestroyed()
        if (values.toLong() * size > bytes) {
            throw LiteRtException(
                Status.ErrorRuntimeFailure,
                "TensorBuffer holds $bytes bytes, not ${values.toLong() * size}.",
            )
        }
        succeed(
            LiteRtLibrary.LiteRtLockTensorBuffer(handle, result.address, mode),
            "lock a buffer",
        )
        try {
            return action(Pointer(result.long))
        } finally {
            succeed(LiteRtLibrary.LiteRtUnlockTensorBuffer(handle), "unlock a buffer")
        }
    }

    companion object {
        private const val READ = 0
        private const val WRITE = 1
    }
}

enum class TensorBufferType(private val type: Int) {
    Unknown(0),
    HostMemory(1),
    Ahwb(2),
    Ion(3),
    DmaBuf(4),
    FastRpc(5),
    GlBuffer(6),
    GlTexture(7),
    OpenClBuffer(10),
    OpenClBufferFp16(11),
    OpenClTexture(12),
    OpenClTextureFp16(13),
    OpenClBufferPacked(14),
    OpenClImageBuffer(15),
    OpenClImageBufferFp16(16),
    WebGpuBuffer(20),
    WebGpuBufferFp16(21),
    WebGpuTexture(22),
    WebGpuTextureFp16(23),
    WebGpuImageBuffer(24),
    WebGpuImageBufferFp16(25),
    WebGpuBufferPacked(26),
    VulkanBuffer(40),
    VulkanBufferFp16(41),
    VulkanTexture(42),
    VulkanTextureFp16(43),
    VulkanImageBuffer(44),
    VulkanImageBufferFp16(45),
    VulkanBufferPacked(46),
    ;

    companion object {
        fun of(type: Int): TensorBufferType = entries.first { it.type == type }
    }
}

data class TensorBufferRequirements
constructor(
    val supportedTypes: List<TensorBufferType>,
    val bufferSize: Int,
    val strides: List<Int>,
) {
    constructor(
        supportedTypes: IntArray,
        bufferSize: Int,
        strides: IntArray,
    ) : this(supportedTypes.map { TensorBufferType.of(it) }, bufferSize, strides.toList())
}
