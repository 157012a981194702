package com.example.models

import com.sun.management.ThreadMXBean
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.lang.management.ManagementFactory

/** Many calls through the runner, on the real interpreter with the example. */
public class ManyCallsTest {
    private val spec = Here.spec("Digits")
    private val values = FloatArray(spec.inputs.single().size) { it / 100f }
    private val found = FloatArray(spec.outputs.single().size)
    private val call = Work { engine ->
        engine.write(0, values)
        engine.invoke()
        engine.read(0, found)
    }

    private fun open(): ModelRunner = ModelRunner.open(
        spec,
        Here,
        Here.loader(),
        AcceleratorPolicy.only(Accelerator.CPU),
        Here.output,
        Device("a test", "1"),
    )

    @Test
    public fun tenThousandCallsNeedNoMoreMemory() {
        open().use { runner ->
            val last = found.toList()
            repeat(2_000) { runner.run(call) }
            val heap = heapBytes()
            val resident = residentBytes()
            val answer = found.toList()
            repeat(10_000) { runner.run(call) }
            assertEquals(answer, found.toList())
            assertTrue(last != answer)
            assertBelow(256 * 1024, heapBytes() - heap, "Heap after 10,000 calls")
            assertBelow(4 * 1024 * 1024, residentBytes() - resident, "Memory after 10,000 calls")
        }
    }

    /** TFLite's own objects: the shapes of outputs, and views of their memory. */
    @Test
    public fun onlyTfliteAllocatesInACall() {
        val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
        open().use { runner ->
            repeat(2_000) { runner.run(call) }
            val before = threads.currentThreadAllocatedBytes
            repeat(1_000) { runner.run(call) }
            val perCall = (threads.currentThreadAllocatedBytes - before) / 1_000
            assertBelow(512, perCall, "Objects a call")
        }
    }

    @Test
    public fun whatIsClosedIsFreed() {
        val artifact = spec.artifacts.first()
        fun loadAndClose() = Here.loader().load(artifact, Accelerator.CPU).close()
        repeat(100) { loadAndClose() }
        val resident = settledBytes()
        repeat(200) { loadAndClose() }
        assertBelow(4 * 1024 * 1024, settledBytes() - resident, "Memory after 200 models")
    }

    /** The JVM unmaps files and frees buffers some time after it has collected what held them. */
    private fun settledBytes(): Long =
        (1..20).minOf {
            System.gc()
            Thread.sleep(20)
            residentBytes()
        }

    private fun heapBytes(): Long {
        System.gc()
        return ManagementFactory.getMemoryMXBean().heapMemoryUsage.used
    }

    private fun residentBytes(): Long =
        File("/proc/self/statm").readText().split(" ")[1].toLong() * PAGE_BYTES

    private fun assertBelow(bound: Long, bytes: Long, what: String) {
        println("$what: $bytes bytes more")
        assertTrue("$what: $bytes bytes more, at most $bound allowed", bytes <= bound)
    }

    private companion object {
        private const val PAGE_BYTES = 4096
    }
}
