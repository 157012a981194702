import Foundation
import Synchronization
import XCTest

@testable import Core
@testable import Fakes

/// Which compute unit is chosen, on a device where each does what the test wants.
final class ChoiceTests: XCTestCase {
    private var app: FakeApp!

    override func setUpWithError() throws {
        app = try FakeApp()
    }

    override func tearDownWithError() throws {
        app.clock.wake()
        XCTAssertEqual(app.device.faults, [])
        try app.deleteFiles()
    }

    func testTheFastestThatIsRightIsChosenAndLoadedOnce() async throws {
        app[.gpu] = .fast
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
        XCTAssertEqual(choice.variant, "fp16")
        XCTAssertTrue(choice.isCorrect)
        XCTAssertFalse(choice.isRemembered)
        XCTAssertEqual(choice.reason, "It is the fastest that is right: 0.10 ms a call.")
        XCTAssertEqual(choice.trials.map(\.unit), [.cpu, .gpu, .neuralEngine, .all])
        XCTAssertEqual(choice.trials.map(\.medianMilliseconds), [1, 0.1, nil, nil])
        XCTAssertEqual(choice.trials.map(\.isCorrect), [true, true, false, false])
        XCTAssertEqual(choice.reason(of: .cpu), "right in all of 56 runs, 1.00 ms each")
        XCTAssertEqual(app.device.loaded, [app.candidate(.cpu), app.candidate(.gpu)])
        try await eventually { app.device.open == 0 }
    }

    func testTheChosenEngineStaysLoadedTheOthersDoNot() async throws {
        app[.gpu] = .fast
        let runner = try await app.open()
        try await eventually { app.device.open == 1 }
        withExtendedLifetime(runner) {}
    }

    func testTheModelRunsOnWhatIsChosen() async throws {
        for (unit, time) in [(ComputeUnit.gpu, UInt64(1)), (.cpu, 2_000_000)] {
            let app = try FakeApp()
            app[.gpu] = Behaviour(nanoseconds: time)
            for isRemembered in [false, true] {
                let runner = try await app.open()
                XCTAssertEqual(runner.choice.isRemembered, isRemembered)
                XCTAssertEqual(runner.choice.unit, unit)
                app.device.state.withLock { $0.ran = [] }
                _ = try await runner.run([.float32([1, 2, 3, 4])])
                XCTAssertEqual(app.device.ran, [app.candidate(unit)])
            }
            try app.deleteFiles()
        }
    }

    func testASlowerUnitIsNotChosen() async throws {
        app[.gpu] = Behaviour(nanoseconds: 2_000_000)
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertEqual(choice.reason, "It is the fastest that is right: 1.00 ms a call.")
    }

    func testAnotherUnitHasToBeFasterByATenth() async throws {
        app[.gpu] = Behaviour(nanoseconds: 901_000)
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        let words = "gpu with fp16 takes 0.90 ms, less than a tenth less"
        XCTAssertTrue(choice.reason.contains(words), choice.reason)
    }

    func testATenthIsEnough() async throws {
        app[.gpu] = Behaviour(nanoseconds: 900_000)
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
    }

    func testOfAllUnitsTheFastestThatIsRightIsChosen() async throws {
        app[.gpu] = Behaviour(nanoseconds: 300_000)
        app[.neuralEngine] = Behaviour(nanoseconds: 50_000) { $1.map { $0 * 1.2 } }
        app[.all] = Behaviour(nanoseconds: 200_000)
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .all)
        XCTAssertEqual(choice.reason(of: .neuralEngine), "snr_db 13.98 is below 20.00")
    }

    func testOfSeveralPackagesTheFastestThatIsRightIsChosen() async throws {
        let app = try FakeApp("fp16", "w8", "palette4")
        app[.cpu, "palette4"] = Behaviour(nanoseconds: 400_000)
        app[.gpu, "w8"] = Behaviour(nanoseconds: 300_000)
        app[.gpu, "palette4"] = Behaviour(nanoseconds: 100_000) { $1.map { $0 + 0.5 } }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
        XCTAssertEqual(choice.variant, "w8")
        XCTAssertEqual(choice.trials.count, 12)
        XCTAssertEqual(app.device.faults, [])
        try app.deleteFiles()
    }

    func testOneThatThrowsWhenItIsLoadedIsPassedOver() async throws {
        app[.gpu] = Behaviour(onLoad: { throw Broken(description: "no driver") })
        try await assertPassedOver("no driver")
    }

    func testOneThatThrowsACancellationOfItsOwnIsPassedOver() async throws {
        app[.gpu] = Behaviour(onLoad: { throw CancellationError() })
        try await assertPassedOver("CancellationError")
    }

    func testOneThatThrowsWhenItRunsIsPassedOverAndFreed() async throws {
        app[.gpu] = Behaviour { run, right in
            if run < 7 { return right }
            throw ModelError.runFailed("lost")
        }
        try await assertPassedOver("lost")
    }

    func testOneThatHangsWhenItIsLoadedIsPassedOver() async throws {
        app[.gpu] = Behaviour(onLoad: { [clock = app.clock] in await clock.hang() })
        try await assertPassedOver("loading did not end within 300 s")
    }

    func testOneThatHangsWhenItRunsIsPassedOver() async throws {
        app[.gpu] = Behaviour { [clock = app.clock] run, right in
            if run == 13 { await clock.hang() }
            return right
        }
        try await assertPassedOver("run 14 did not end within 20 s", stillOpen: 1)
        app.clock.wake()
        try await eventually { app.device.open == 0 }
    }

    func testOneThatHangsIsToldToStop() async throws {
        let isTold = Mutex(false)
        app[.gpu] = Behaviour(onLoad: { [clock = app.clock] in
            await withTaskCancellationHandler {
                await clock.hang()
            } onCancel: {
                isTold.withLock { $0 = true }
            }
        })
        try await assertPassedOver("loading did not end within 300 s", stillOpen: 0)
        XCTAssertTrue(isTold.withLock { $0 })
    }

    func testOneThatHungFreesWhatItLoadedWhenItComesBack() async throws {
        app[.gpu] = Behaviour(onLoad: { [clock = app.clock] in await clock.hang() })
        let runner = try await app.open()
        XCTAssertEqual(runner.choice.unit, .cpu)
        app.clock.wake()
        try await eventually { app.device.open == 1 }
    }

    func testOneThatHangsAndComesBackIsNotUsedAnyMore() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { [clock = app.clock] run, right in
            if run == 0 { await clock.hang() }
            return right
        }
        let runner = try await app.open()
        let ran = app.device.ran
        app.clock.wake()
        try await eventually { app.device.open == 1 }
        XCTAssertEqual(runner.choice.unit, .cpu)
        XCTAssertEqual(app.device.ran, ran)
    }

    func testOneThatBlocksItsThreadForEverDoesNotKeepTheApp() async throws {
        let goOn = DispatchSemaphore(value: 0)
        app[.gpu] = Behaviour(onLoad: {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    goOn.wait()
                    continuation.resume()
                }
            }
        })
        let limits = TrialLimits(loading: 50_000_000)
        let runner = try await app.open(limits: limits, clock: SystemClock())
        XCTAssertEqual(runner.choice.unit, .cpu)
        XCTAssertEqual(runner.choice.reason(of: .gpu), "loading did not end within 0 s")
        goOn.signal()
    }

    func testOneThatDriftsIsPassedOver() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { $1.map { $0 * 1.2 } }
        try await assertPassedOver("snr_db 13.98 is below 20.00")
    }

    func testOneThatTakesOtherClassesForTheHighestIsPassedOver() async throws {
        app.spec = try TestModel.spec(["fp16"], budget: Budget(agreement: 0.9))
        app[.gpu] = Behaviour(nanoseconds: 1) { $1.map { -$0 } }
        let choice = try await app.choose()
        XCTAssertTrue(choice.reason(of: .gpu).hasPrefix("agreement 0."), choice.reason(of: .gpu))
    }

    func testOneThatErrsInOneRunOfFiveIsPassedOverWhereverItBegins() async throws {
        for begin in 0..<5 {
            let app = try FakeApp()
            app[.gpu] = Behaviour(nanoseconds: 1) { run, right in
                run % 5 == begin ? [0, 0, 0] : right
            }
            let choice = try await app.choose()
            XCTAssertEqual(choice.unit, .cpu)
            XCTAssertFalse(choice.trials[1].isCorrect)
            try app.deleteFiles()
        }
    }

    func testOneThatErrsOnceInAllItsRunsIsPassedOver() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { run, right in
            run == 45 ? right.map { $0 + 0.3 } : right
        }
        try await assertPassedOver("run 46 answered sample 5 otherwise than the first time")
    }

    func testOneThatIsNotRepeatedToTheBitIsRight() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { run, right in
            right.map { $0 * (1 + 0.0001 * Float(run % 7)) }
        }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
    }

    func testOneThatGivesNaNIsPassedOver() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { run, right in
            run == 3 ? [right[0], .nan, right[2]] : right
        }
        try await assertPassedOver("1 values of 24 are NaN or Inf")
    }

    func testOneThatGivesNaNLaterIsPassedOver() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { run, right in
            run == 20 ? [right[0], .nan, right[2]] : right
        }
        try await assertPassedOver("run 21 answered sample 4 otherwise than the first time")
    }

    func testOneThatAnswersWithAnotherSizeIsPassedOver() async throws {
        app[.gpu] = Behaviour(nanoseconds: 1) { $1 + [0] }
        try await assertPassedOver("its answers have another type or size than the model's")
    }

    func testOneThatIsTooSlowToBeProvenIsPassedOver() async throws {
        app[.cpu] = Behaviour(nanoseconds: 3_000_000_000)
        app[.gpu] = Behaviour(nanoseconds: 2_000_000_000)
        let choice = try await app.choose()
        XCTAssertEqual(choice.reason(of: .gpu), "it did 11 of 56 runs within 20 s")
        XCTAssertEqual(choice.unit, .cpu)
    }

    func testOneThatTakesLongToLoadIsGivenItsTime() async throws {
        app[.gpu] = Behaviour(
            nanoseconds: 1, onLoad: { [clock = app.clock] in clock.advance(200_000_000_000) })
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
    }

    func testOneThatIsUnavailableIsPassedOverAndNotLoaded() async throws {
        app.device.state.withLock { $0.unavailable[.gpu] = "this device has none" }
        try await assertPassedOver("this device has none")
        XCTAssertEqual(app.device.loaded, [app.candidate(.cpu)])
    }

    func testOneWithoutBoundsIsPassedOverAndNotLoaded() async throws {
        app.spec = try TestModel.spec(["fp16"], budget: Budget())
        app[.gpu] = .fast
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertFalse(choice.isCorrect)
        let words = "nothing says how near its answers have to be"
        XCTAssertEqual(choice.trials.map(\.reason), [words, words, words, words])
        XCTAssertEqual(app.device.loaded, [app.candidate(.cpu)])
    }

    func testTheCPUIsUsedEvenWhereItIsWrongAndTheChoiceSaysSo() async throws {
        app[.cpu] = Behaviour { $1.map { $0 * 1.5 } }
        app[.gpu] = Behaviour { _, _ in [0, 0, 0] }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertFalse(choice.isCorrect)
        XCTAssertEqual(
            choice.reason,
            "Nothing that may be used on this device was seen to answer as the trained model does. "
                + "The CPU is used all the same: snr_db 6.021 is below 20.00.")
    }

    func testAUnitThatIsRightGoesBeforeACPUThatIsWrong() async throws {
        app[.cpu] = Behaviour(nanoseconds: 1) { $1.map { $0 * 1.5 } }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
        XCTAssertTrue(choice.isCorrect)
    }

    func testASlowCPUThatWasRightOnceIsRight() async throws {
        app[.cpu] = Behaviour(nanoseconds: 2_000_000_000)
        app[.gpu] = Behaviour { _, _ in [0, 0, 0] }
        let choice = try await app.choose()
        XCTAssertEqual(choice.reason(of: .cpu), "right in all of 11 runs, 2000.00 ms each")
        XCTAssertTrue(choice.isCorrect)
    }

    func testACPUTooSlowForOneGoldenIsUsedAndNotKnownToBeRight() async throws {
        app[.cpu] = Behaviour(nanoseconds: 5_000_000_000)
        app[.gpu] = Behaviour { _, _ in [0, 0, 0] }
        let choice = try await app.choose()
        XCTAssertEqual(choice.reason(of: .cpu), "it did 5 of 56 runs within 20 s")
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertFalse(choice.isCorrect)
    }

    func testWhereEvenTheCPUFailsEverythingIsTold() async throws {
        app.spec = try TestModel.spec(["fp16"], budget: Budget(snrDb: 20, cosine: 0.95))
        app[.cpu] = Behaviour(onLoad: { throw ModelError.loadFailed("full") })
        app[.gpu] = Behaviour { _, _ in [0, 0, 0] }
        let error = await thrown { _ = try await app.choose() }
        XCTAssertEqual(
            error as? ModelError,
            .nothingRuns(
                "Nothing on this device can run Test. What was tried: cpu with fp16: full; "
                    + "gpu with fp16: snr_db 0.000 is below 20.00; cosine 0.000 is below 0.9500; "
                    + "neuralEngine with fp16: this device has none; "
                    + "all with fp16: this device has none."))
        try await eventually { app.device.open == 0 }
    }

    func testAUnitThatIsRightMakesUpForACPUThatFails() async throws {
        app[.cpu] = Behaviour(onLoad: { throw ModelError.loadFailed("full") })
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
    }

    func testWhatIsForbiddenIsNotTried() async throws {
        app[.gpu] = .fast
        let choice = try await app.choose(.without(.gpu, .neuralEngine, .all))
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertEqual(choice.trials.map(\.unit), [.cpu])
        XCTAssertEqual(app.device.loaded, [app.candidate(.cpu)])
        let words = "Allowed was anything but gpu and neuralEngine and all."
        XCTAssertTrue(choice.reason.hasSuffix(words), choice.reason)
    }

    func testAllIsAllowedWithoutNothing() {
        XCTAssertNil(ComputeUnitPolicy.without().restriction)
        XCTAssertEqual("\(ComputeUnitPolicy.fastestCorrect)", "the fastest that is right")
        XCTAssertEqual("\(ComputeUnitPolicy.only(.gpu))", "only gpu")
    }

    func testOneThatIsForcedIsUsedThoughItIsSlower() async throws {
        app[.gpu] = Behaviour(nanoseconds: 9_000_000)
        let choice = try await app.choose(.only(.gpu))
        XCTAssertEqual(choice.unit, .gpu)
        XCTAssertEqual(app.device.loaded, [app.candidate(.gpu)])
    }

    func testOneThatIsForcedAndWrongIsRefusedWithTheReason() async throws {
        app[.gpu] = Behaviour { $1.map { $0 * 1.2 } }
        let error = await thrown { _ = try await app.choose(.only(.gpu)) }
        XCTAssertEqual(
            error as? ModelError,
            .nothingRuns(
                "Nothing on this device can run Test. Allowed was only gpu. "
                    + "What was tried: gpu with fp16: snr_db 13.98 is below 20.00."))
        try await eventually { app.device.open == 0 }
    }

    func testAForcedCPUIsUsedThoughItIsWrong() async throws {
        app[.cpu] = Behaviour { $1.map { $0 * 1.2 } }
        let choice = try await app.choose(.only(.cpu))
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertFalse(choice.isCorrect)
    }

    func testACancelledChoiceEndsAndLeavesNothingLoaded() async throws {
        let begun = Mutex(false)
        let goOn = Mutex(false)
        app[.gpu] = Behaviour(nanoseconds: 1) { _, right in
            begun.withLock { $0 = true }
            while !goOn.withLock({ $0 }) { try? await Task.sleep(nanoseconds: 1_000_000) }
            return right
        }
        let choosing = Task { [app = app!] in try await app.choose() }
        try await eventually { begun.withLock { $0 } }
        choosing.cancel()
        let error = await thrown { _ = try await choosing.value }
        XCTAssertTrue(error is CancellationError, "\(error as Any)")
        goOn.withLock { $0 = true }
        try await eventually { app.device.open == 0 }
        app[.gpu] = .fast
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu, "No note says that the app ended.")
    }

    func testATaskThatIsCancelledBeforeLoadsNothing() async throws {
        let choosing = Task { [app = app!] in
            while !Task.isCancelled { await Task.yield() }
            return try await app.choose()
        }
        choosing.cancel()
        let error = await thrown { _ = try await choosing.value }
        XCTAssertTrue(error is CancellationError, "\(error as Any)")
        XCTAssertEqual(app.device.loaded, [])
    }

    func testEightTasksThatCreateTheModelAtOnceTryEverythingOnce() async throws {
        app[.gpu] = .fast
        let choices = try await withThrowingTaskGroup(of: ComputeUnitChoice.self) { group in
            for _ in 0..<8 { group.addTask { [app = app!] in try await app.choose() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        XCTAssertEqual(Set(choices.map(\.unit)), [.gpu])
        XCTAssertEqual(choices.filter { !$0.isRemembered }.count, 1)
        XCTAssertEqual(app.device.loaded.filter { $0.unit == .cpu }.count, 1)
        XCTAssertEqual(app.device.loaded.filter { $0.unit == .gpu }.count, 8)
    }

    func testTheFirstRoundDoesNotCountForDevicesWarmUp() async throws {
        app[.gpu] = Behaviour(nanoseconds: 100_000) { [clock = app.clock] run, right in
            if run < 8 { clock.advance(50_000_000) }
            return right
        }
        let runner = try await app.open(limits: TrialLimits(rounds: 2, runs: 0))
        XCTAssertEqual(runner.choice.trials[1].medianMilliseconds, 0.1)
    }

    func testAChoiceAndItsTrialsCanBeRead() async throws {
        app[.gpu] = .fast
        let choice = try await app.choose()
        XCTAssertEqual("\(choice)", "gpu with fp16. \(choice.reason)")
        XCTAssertEqual(
            "\(choice.trials[1])", "gpu with fp16: right in all of 56 runs, 0.10 ms each")
    }

    private func assertPassedOver(
        _ reason: String, stillOpen: Int = 0, file: StaticString = #filePath, line: UInt = #line
    ) async throws {
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu, file: file, line: line)
        XCTAssertTrue(choice.isCorrect, file: file, line: line)
        let told = choice.reason(of: .gpu)
        XCTAssertTrue(told.hasPrefix(reason), told, file: file, line: line)
        try await eventually({ app.device.open == stillOpen }, file: file, line: line)
    }
}
