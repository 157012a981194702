package com.google.ai.edge.litert

class TensorBuffer internal constructor(handle: Long) : JniHandle(handle) {
    @Throws(LiteRtException::class)
    fun writeInt(data: IntArray) {
        declaredOnly()
    }

    @Throws(LiteRtException::class)
    fun writeFloat(data: FloatArray) {
        declaredOnly()
    }

    @Throws(LiteRtException::class)
    fun writeInt8(data: ByteArray) {
        declaredOnly()
    }

    @Throws(LiteRtException::class)
    fun writeBoolean(data: BooleanArray) {
        declaredOnly()
    }

    @Throws(LiteRtException::class)
    fun writeLong(data: LongArray) {
        declaredOnly()
    }

    @Throws(LiteRtException::class)
    fun readInt(): IntArray = declaredOnly()

    @Throws(LiteRtException::class)
    fun readFloat(): FloatArray = declaredOnly()

    @Throws(LiteRtException::class)
    fun readInt8(): ByteArray = declaredOnly()

    @Throws(LiteRtException::class)
    fun readBoolean(): BooleanArray = declaredOnly()

    @Throws(LiteRtException::class)
    fun readLong(): LongArray = declaredOnly()

    override fun destroy() {
        declaredOnly()
    }

    companion object
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
