// LiteRT's Kotlin API as `declared/litert` has it, with bodies that call the real LiteRT: its C
// library for this machine, through JNA. The system property `litert.library` is the library's path.
package com.google.ai.edge.litert

import java.util.concurrent.atomic.AtomicBoolean

/** What neither this machine's LiteRT nor a JVM can do. */
internal fun declaredOnly(): Nothing = throw UnsupportedOperationException("not on this machine")

enum class Accelerator private constructor(val value: Int) {
    NONE(0),
    CPU(1),
    GPU(2),
    NPU(3),
    ;

    companion object
}

/** What C calls it: a set of bits. */
internal val Accelerator.bit: Int
    get() = if (this == Accelerator.NONE) 0 else 1 shl (value - 1)

abstract class JniHandle internal constructor(internal val handle: Long) : AutoCloseable {
    private val destroyed = AtomicBoolean(false)

    protected fun assertNotDestroyed() {
        check(!destroyed.get()) { "The handle has been destroyed." }
    }

    protected abstract fun destroy()

    final override fun close() {
        if (destroyed.compareAndSet(false, true)) {
            destroy()
        }
    }
}
