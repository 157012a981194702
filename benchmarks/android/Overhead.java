package com.example.models;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** One call of a model: through the generated class, and of the engine itself. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Overhead {
    @Param({"DigitClassifier", "MobileNetV2"})
    public String model;

    @Param({"bare", "wrapper"})
    public String side;

    private Subject subject;

    @Setup
    public void open() {
        subject = SubjectsKt.open(model, side);
    }

    @Benchmark
    public void run() {
        subject.run();
    }

    @TearDown
    public void close() throws Exception {
        subject.close();
    }
}
