package com.example.models

import com.google.ai.edge.litert.CompiledModel
import com.sun.management.ThreadMXBean
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.lang.management.ManagementFactory

/** What calls cost in memory, on the heap and beside it. The heap has a fixed size here. */
internal class LiteRtManyCallsTest {
    private val assets = File(System.getProperty("assets"))
    private val loader = LiteRtEngineLoader(FolderPlace(assets))
    private val artifact = DigitsInt8Spec.model.artifacts.single()
    private val pixels = FloatArray(64) { it / 64f }
    private val scores = FloatArray(10)

    @Test
    fun tenThousandCallsDoNotGrowTheProcess() {
        loader.load(artifact, Accelerator.CPU).use { engine ->
            repeat(5_000) { call(engine) }
            val before = residentBytes()
            repeat(10_000) { call(engine) }
            // The JVM's own compiler takes a little yet; an array of 1 kB a call would be 10 MB.
            assertGrowth(residentBytes() - before, 5 * MEGABYTE)
        }
    }

    @Test
    fun loadingOftenDoesNotGrowTheProcess() {
        repeat(50) { loader.load(artifact, Accelerator.CPU).use(::call) }
        val before = residentBytes()
        // Were they not closed, they would take 50 MB.
        repeat(300) { loader.load(artifact, Accelerator.CPU).use(::call) }
        assertGrowth(residentBytes() - before, 15 * MEGABYTE)
    }

    @Test
    fun failingToLoadOftenDoesNotGrowTheProcess() {
        val other = ArtifactSpec(
            artifact.variant,
            "uint8.tflite",
            artifact.sha256,
            artifact.bytes,
            artifact.inputs,
            artifact.outputs,
            artifact.budgets,
        )
        val load = { runCatching { loader.load(other, Accelerator.CPU) }.exceptionOrNull()!! }
        repeat(50) { load() }
        val before = residentBytes()
        repeat(300) { load() }
        assertGrowth(residentBytes() - before, 15 * MEGABYTE)
    }

    /** LiteRT's own reading allocates; a call through the engine allocates no more than that. */
    @Test
    fun aCallAllocatesNoMoreThanLiteRtItself() {
        val through = loader.load(artifact, Accelerator.CPU).use { engine ->
            allocatedBytes { call(engine) }
        }
        val bare = CompiledModel.create(File(assets, artifact.asset).path).use { model ->
            val inputs = model.createInputBuffers()
            val outputs = model.createOutputBuffers()
            val stored = ByteArray(pixels.size)
            allocatedBytes {
                inputs[0].writeInt8(stored)
                model.run(inputs, outputs)
                outputs[0].readInt8()
            }
        }
        // The smallest array here takes 32 bytes; the compiler may do away with a small object.
        assertTrue("$through bytes a call, $bare without the engine", through < bare + 32)
    }

    private fun call(engine: Engine) {
        engine.write(0, pixels)
        engine.invoke()
        engine.read(0, scores)
    }

    private fun allocatedBytes(action: () -> Unit): Long {
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        repeat(5_000) { action() }
        val before = threads.currentThreadAllocatedBytes
        repeat(CALLS) { action() }
        return (threads.currentThreadAllocatedBytes - before) / CALLS
    }

    private fun residentBytes(): Long {
        System.gc()
        val pages = File("/proc/self/statm").readText().split(' ')[1].toLong()
        return pages * PAGE
    }

    private fun assertGrowth(bytes: Long, most: Long) {
        assertTrue("grew by $bytes bytes", bytes < most)
    }

    private companion object {
        private const val CALLS = 1_000
        private const val PAGE = 4096L
        private const val MEGABYTE = 1L shl 20
    }
}
