// LiteRT's Kotlin API as google-ai-edge/LiteRT publishes it (litert/kotlin, 21 August 2026, the source
// of 2.3). Google's Maven repository alone has its classes, so tests compile against these
// signatures. Nothing here runs. Left out: `ModelProvider` and `ModelSelector`.
package com.google.ai.edge.litert

internal fun declaredOnly(): Nothing = throw UnsupportedOperationException("declared only")

enum class Accelerator private constructor(val value: Int) {
    NONE(0),
    CPU(1),
    GPU(2),
    NPU(3),
    ;

    companion object
}

abstract class JniHandle internal constructor(internal val handle: Long) : AutoCloseable {
    protected fun assertNotDestroyed() {
        declaredOnly()
    }

    protected abstract fun destroy()

    final override fun close() {
        declaredOnly()
    }
}
