package com.example.digits

import java.io.ByteArrayInputStream
import java.io.File
import java.io.FileNotFoundException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import java.util.Collections
import java.util.Random
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong

/** A clock that goes on when a fake engine works, and at once to the limit when one hangs. */
internal class FakeClock : Clock {
    private val now = AtomicLong()
    private val hangs = Semaphore(0)
    private val awake = CountDownLatch(1)

    @Volatile private var hanging: CountDownLatch? = null

    override fun nanos(): Long = now.get()

    override fun await(latch: CountDownLatch, nanos: Long): Boolean {
        while (latch !== hanging) {
            if (latch.await(1, TimeUnit.MILLISECONDS)) return true
            if (hangs.tryAcquire()) hanging = latch
        }
        now.addAndGet(nanos)
        return latch.count == 0L
    }

    fun advance(nanos: Long) {
        now.addAndGet(nanos)
    }

    /** Does not return before [wake]. */
    fun hang() {
        hangs.release()
        awake.await()
    }

    /** Lets everything that hangs go on. */
    fun wake(): Unit = awake.countDown()
}

/** What a fake engine does: by default it is right, and takes a millisecond. */
internal class Behaviour(
    val nanos: Long = 1_000_000,
    val onLoad: () -> Unit = {},
    val onClose: () -> Unit = {},
    val answer: FakeAnswer = FakeAnswer { _, right -> right },
)

/** What an engine makes of the right answer, run by run. */
internal fun interface FakeAnswer {
    fun of(run: Int, right: FloatArray): FloatArray
}

/** A device whose accelerators do what a test wants of them. */
internal class FakeDevice(private val clock: FakeClock) : EngineLoader {
    override var runtime: String = "fake 1"
    val behaviours = HashMap<Candidate, Behaviour>()
    val unavailable = HashMap<Accelerator, String>()

    /** All that was ever loaded, and what was not closed. */
    val loaded: MutableList<Candidate> = Collections.synchronizedList(ArrayList())
    val open: MutableList<FakeEngine> = Collections.synchronizedList(ArrayList())
    val runs = AtomicInteger()

    /** Uses of engines that break a rule. */
    val faults: MutableList<String> = Collections.synchronizedList(ArrayList())

    override fun unavailable(accelerator: Accelerator): String? = unavailable[accelerator]

    override fun isBoundToThread(accelerator: Accelerator): Boolean =
        accelerator != Accelerator.CPU

    override fun load(artifact: ArtifactSpec, accelerator: Accelerator): Engine {
        val candidate = Candidate(accelerator, artifact.variant)
        loaded += candidate
        val behaviour = behaviours[candidate] ?: Behaviour()
        behaviour.onLoad()
        return FakeEngine(behaviour, isBoundToThread(accelerator)).also { open += it }
    }

    inner class FakeEngine(private val behaviour: Behaviour, private val bound: Boolean) : Engine {
        private val home = Thread.currentThread()
        private val users = AtomicInteger()
        private val input = FloatArray(TestModel.INPUTS)
        private var output = FloatArray(TestModel.OUTPUTS)
        private var count = 0

        override fun write(input: Int, values: FloatArray): Unit =
            use { values.copyInto(this.input) }

        override fun invoke(): Unit = use {
            runs.incrementAndGet()
            clock.advance(behaviour.nanos)
            TestModel.answer(input, output)
            output = behaviour.answer.of(count++, output)
        }

        override fun read(output: Int, into: FloatArray): Unit = use { this.output.copyInto(into) }

        override fun close(): Unit = use {
            if (!open.remove(this)) faults += "closed twice"
            behaviour.onClose()
        }

        private inline fun use(action: () -> Unit) {
            if (bound && Thread.currentThread() !== home) faults += "used on another thread"
            if (users.getAndIncrement() != 0) faults += "used by two at once"
            try {
                action()
            } finally {
                users.decrementAndGet()
            }
        }

        override fun write(input: Int, values: IntArray): Unit = wrongType()
        override fun write(input: Int, values: LongArray): Unit = wrongType()
        override fun write(input: Int, values: ByteArray): Unit = wrongType()
        override fun write(input: Int, values: ShortArray): Unit = wrongType()
        override fun write(input: Int, values: BooleanArray): Unit = wrongType()
        override fun read(output: Int, into: IntArray): Unit = wrongType()
        override fun read(output: Int, into: LongArray): Unit = wrongType()
        override fun read(output: Int, into: ByteArray): Unit = wrongType()
        override fun read(output: Int, into: ShortArray): Unit = wrongType()
        override fun read(output: Int, into: BooleanArray): Unit = wrongType()

        private fun wrongType(): Nothing = error("The model has floats.")
    }
}

/** Assets that lie in memory. */
internal class FakeAssets(val files: MutableMap<String, ByteArray>) : ModelAssets {
    override fun open(path: String): InputStream =
        ByteArrayInputStream(files[path] ?: throw FileNotFoundException(path))

    override fun map(path: String): ByteBuffer = error("$path is not mapped here.")
}

/** A model with four inputs and three scores. */
internal object TestModel {
    const val INPUTS = 4
    const val OUTPUTS = 3
    const val SAMPLES = 8

    private val weights = Random(1).let { random -> List(INPUTS * OUTPUTS) { random.nextFloat() } }

    val samples: List<FloatArray> = Random(2).let { random ->
        List(SAMPLES) { FloatArray(INPUTS) { random.nextFloat() * 2 - 1 } }
    }

    fun answer(input: FloatArray, into: FloatArray) {
        for (output in 0 until OUTPUTS) {
            var sum = 0f
            for (index in 0 until INPUTS) sum += input[index] * weights[output * INPUTS + index]
            into[output] = sum
        }
    }

    fun answer(input: FloatArray): FloatArray = FloatArray(OUTPUTS).also { answer(input, it) }

    fun assets(vararg variants: String): FakeAssets = FakeAssets(
        mutableMapOf(
            "golden/input-0.bin" to bytes(samples),
            "golden/output-0.bin" to bytes(samples.map(::answer)),
        ).apply { for (variant in variants) put("$variant.tflite", content(variant)) },
    )

    fun spec(
        vararg variants: String,
        budgets: Map<Accelerator, Budget> = mapOf(
            Accelerator.CPU to Budget(snrDb = 80.0, cosine = 0.999, agreement = 0.99),
            Accelerator.GPU to Budget(snrDb = 20.0, cosine = 0.95, agreement = 0.9),
        ),
    ): ModelSpec = ModelSpec(
        name = "Test",
        inputs = listOf(TensorSpec("x", listOf(1, INPUTS), DType.FLOAT32)),
        outputs = listOf(TensorSpec("scores", listOf(1, OUTPUTS), DType.FLOAT32, true)),
        artifacts = variants.map { variant ->
            ArtifactSpec(
                variant = variant,
                asset = "$variant.tflite",
                sha256 = sha256(content(variant)),
                bytes = content(variant).size.toLong(),
                inputs = listOf(StoredTensor("x", 0, DType.FLOAT32)),
                outputs = listOf(StoredTensor("scores", 0, DType.FLOAT32)),
                budgets = budgets,
            )
        },
        golden = GoldenSpec(SAMPLES, listOf("golden/input-0.bin"), listOf("golden/output-0.bin")),
    )

    fun bytes(samples: List<FloatArray>): ByteArray {
        val buffer = ByteBuffer.allocate(samples.sumOf { it.size } * 4)
        buffer.order(ByteOrder.LITTLE_ENDIAN)
        for (sample in samples) sample.forEach(buffer::putFloat)
        return buffer.array()
    }

    private fun content(variant: String): ByteArray =
        "the file of $variant".repeat(9999).toByteArray()

    private fun sha256(content: ByteArray): String =
        MessageDigest.getInstance("SHA-256").digest(content)
            .joinToString("") { "%02x".format(it) }
}

/** An app with a model, on a fake device. */
internal class FakeApp(val folder: File, vararg variants: String = arrayOf("fp32")) {
    val clock = FakeClock()
    val device = FakeDevice(clock)
    val assets = TestModel.assets(*variants)
    var spec = TestModel.spec(*variants)
    var about = Device("a phone", "build 1")

    operator fun set(accelerator: Accelerator, behaviour: Behaviour) {
        device.behaviours[Candidate(accelerator, spec.artifacts.first().variant)] = behaviour
    }

    fun open(
        policy: AcceleratorPolicy = AcceleratorPolicy.fastestCorrect(),
        limits: TrialLimits = TrialLimits(),
        clock: Clock = this.clock,
    ): ModelRunner = ModelRunner.open(spec, assets, device, policy, folder, about, limits, clock)

    /** Opens the model for its choice alone. */
    fun choose(policy: AcceleratorPolicy = AcceleratorPolicy.fastestCorrect()): AcceleratorChoice =
        open(policy).use { it.choice }
}

internal val FAST = Behaviour(nanos = 100_000)

internal fun AcceleratorChoice.reasonOf(accelerator: Accelerator): String =
    trials.single { it.accelerator == accelerator }.reason
