import Foundation
import Synchronization
import XCTest

@testable import Core
@testable import Fakes

/// Calls from any number of tasks.
final class ModelRunnerTests: XCTestCase {
    private var app: FakeApp!

    override func setUpWithError() throws {
        app = try FakeApp()
    }

    override func tearDownWithError() throws {
        XCTAssertEqual(app.device.faults, [])
        try app.deleteFiles()
    }

    func testAnswersOfManyTasksBelongToTheirInputs() async throws {
        let runner = try await app.open(.only(.cpu))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<64 {
                group.addTask {
                    for call in 0..<50 {
                        let input = TestModel.numbers(4, seed: UInt64(seed * 1000 + call))
                        let answers = try await runner.run([.float32(input)])
                        XCTAssertEqual(answers, [.float32(TestModel.answer(input))])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    func testACancelledTaskDoesNotCall() async throws {
        let runner = try await app.open(.only(.cpu))
        let ran = app.device.ran
        let call = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await runner.run([.float32([1, 2, 3, 4])])
        }
        call.cancel()
        let error = await thrown { _ = try await call.value }
        XCTAssertTrue(error is CancellationError, "\(error as Any)")
        XCTAssertEqual(app.device.ran, ran)
    }

    func testOneThatIsCancelledInLineGoesAtOnceAndTheOthersAreAnswered() async throws {
        let isHeld = Mutex(true)
        let calls = Mutex(0)
        let engine = ScriptedEngine { inputs in
            calls.withLock { $0 += 1 }
            while isHeld.withLock({ $0 }) { try? await Task.sleep(nanoseconds: 1_000_000) }
            return inputs
        }
        let runner = ModelRunner(engine, choice: try await app.choose())
        let first = Task { try await runner.run([.float32([1])]) }
        try await eventually { calls.withLock { $0 } == 1 }
        let second = Task { try await runner.run([.float32([2])]) }
        let third = Task { try await runner.run([.float32([3])]) }
        second.cancel()
        let error = await thrown { _ = try await second.value }
        XCTAssertTrue(error is CancellationError, "\(error as Any)")
        XCTAssertEqual(calls.withLock { $0 }, 1, "It did not wait for the first call's end.")
        isHeld.withLock { $0 = false }
        let answers = (try await first.value, try await third.value)
        XCTAssertEqual(answers.0, [.float32([1])])
        XCTAssertEqual(answers.1, [.float32([3])])
        XCTAssertEqual(calls.withLock { $0 }, 2)
    }

    func testACallThatIsCancelledWhenItHasBegunComesToItsEnd() async throws {
        let begun = Mutex(false)
        let goOn = Mutex(false)
        let engine = ScriptedEngine { inputs in
            begun.withLock { $0 = true }
            while !goOn.withLock({ $0 }) { try? await Task.sleep(nanoseconds: 1_000_000) }
            return inputs
        }
        let runner = ModelRunner(engine, choice: try await app.choose())
        let call = Task { try await runner.run([.float32([1])]) }
        try await eventually { begun.withLock { $0 } }
        call.cancel()
        goOn.withLock { $0 = true }
        let answer = try await call.value
        XCTAssertEqual(answer, [.float32([1])])
    }

    func testManyCancelledAtAnyMomentLeaveTheRunnerInOrder() async throws {
        let runner = try await app.open(.only(.cpu))
        let calls = (0..<400).map { number in
            Task {
                if number % 3 == 0 { await Task.yield() }
                return try await runner.run([.float32([Float(number), 0, 0, 0])])
            }
        }
        for (number, call) in calls.enumerated() where number % 2 == 0 { call.cancel() }
        for (number, call) in calls.enumerated() {
            let right = TestModel.answer([Float(number), 0, 0, 0])
            do {
                let answer = try await call.value
                XCTAssertEqual(answer, [.float32(right)])
            } catch {
                XCTAssertTrue(error is CancellationError && number % 2 == 0, "\(error)")
            }
        }
        let last = try await runner.run([.float32([1, 2, 3, 4])])
        XCTAssertEqual(last, [.float32(TestModel.answer([1, 2, 3, 4]))])
    }

    func testWhatTheEngineThrowsReachesTheCallerAndTheNextCallRuns() async throws {
        let isBroken = Mutex(true)
        let engine = ScriptedEngine { inputs in
            if isBroken.withLock({ $0 }) { throw ModelError.runFailed("x[3] is NaN") }
            return inputs
        }
        let runner = ModelRunner(engine, choice: try await app.choose())
        let error = await thrown { _ = try await runner.run([.float32([1])]) }
        XCTAssertEqual(error as? ModelError, .runFailed("x[3] is NaN"))
        isBroken.withLock { $0 = false }
        let answer = try await runner.run([.float32([1])])
        XCTAssertEqual(answer, [.float32([1])])
    }

    func testTheEngineIsFreedWithTheRunner() async throws {
        var runner: ModelRunner? = try await app.open()
        try await eventually { app.device.open == 1 }
        _ = try await runner?.run([.float32([1, 2, 3, 4])])
        runner = nil
        try await eventually { app.device.open == 0 }
    }
}

/// An engine that does what a test writes down.
private final class ScriptedEngine: Engine {
    private let script: @Sendable ([TensorValues]) async throws -> [TensorValues]

    init(_ script: @escaping @Sendable ([TensorValues]) async throws -> [TensorValues]) {
        self.script = script
    }

    func run(_ inputs: [TensorValues]) async throws -> [TensorValues] {
        try await script(inputs)
    }
}
