import Foundation
import Synchronization
import XCTest

@testable import Core
@testable import Fakes

/// What is remembered of a choice, and for how long.
final class MemoryTests: XCTestCase {
    private typealias Note = ChoiceMemory.Note
    private typealias Contents = ChoiceMemory.Contents

    private var app: FakeApp!

    override func setUpWithError() throws {
        app = try FakeApp()
        app[.gpu] = .fast
    }

    override func tearDownWithError() throws {
        app.clock.wake()
        XCTAssertEqual(app.device.faults, [])
        let files = try? FileManager.default.contentsOfDirectory(atPath: app.memory.path)
        XCTAssertEqual(files?.filter { $0 != "Test.choice.json" } ?? [], [], "left over")
        try app.deleteFiles()
    }

    func testAChoiceIsRememberedAndNoGoldenIsAskedAgain() async throws {
        let first = try await app.choose()
        app.device.state.withLock { ($0.loaded, $0.ran) = ([], []) }
        let second = try await app.choose()
        XCTAssertTrue(second.isRemembered)
        XCTAssertEqual(second.unit, first.unit)
        XCTAssertEqual(second.reason, first.reason)
        XCTAssertEqual(second.trials, first.trials)
        XCTAssertEqual(app.device.loaded, [app.candidate(.gpu)])
        XCTAssertEqual(app.device.ran, [])
    }

    func testItIsMadeAgainForAnotherPackage() async throws {
        try await assertMadeAgain {
            let weights = "fp16.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
            try app.edit(weights) { $0[5] += 1 }
            let old = app.spec.artifacts[0]
            let package = app.resources.appendingPathComponent(old.resource)
            let new = ArtifactSpec(
                variant: old.variant, resource: old.resource,
                sha256: try sha256OfFiles(at: package),
                inputs: old.inputs, outputs: old.outputs, budget: old.budget)
            app.spec = ModelSpec(
                name: app.spec.name, inputs: app.spec.inputs, outputs: app.spec.outputs,
                artifacts: [new], golden: app.spec.golden)
        }
    }

    func testItIsMadeAgainForOtherBounds() async throws {
        try await assertMadeAgain {
            app.spec = try TestModel.spec(["fp16"], budget: Budget(snrDb: 21))
        }
    }

    func testItIsMadeAgainForAnotherBuildOfTheSystem() async throws {
        try await assertMadeAgain { app.device.state.withLock { $0.runtime = "fake 2" } }
    }

    func testItIsMadeAgainOnAnotherDevice() async throws {
        try await assertMadeAgain { app.about.withLock { $0.device = "aPhone1,2" } }
    }

    func testItIsMadeAgainWhenItIsForgotten() async throws {
        try await assertMadeAgain { try ChoiceMemory.deleteAll(in: app.memory) }
    }

    func testForgettingLeavesOtherFilesAlone() async throws {
        _ = try await app.choose()
        let other = app.memory.appendingPathComponent("choice.json")
        try Data().write(to: other)
        try ChoiceMemory.deleteAll(in: app.memory)
        let files = try FileManager.default.contentsOfDirectory(atPath: app.memory.path)
        XCTAssertEqual(files, ["choice.json"])
        try FileManager.default.removeItem(at: other)
        try ChoiceMemory.deleteAll(in: app.memory.appendingPathComponent("none"))
    }

    func testAFileCutShortAnywhereIsIgnoredAndWrittenAgain() async throws {
        _ = try await app.choose()
        let whole = try Data(contentsOf: app.memoryFile)
        for length in stride(from: 0, to: whole.count - 1, by: 37) {
            try whole.prefix(length).write(to: app.memoryFile)
            let choice = try await app.choose()
            XCTAssertEqual(choice.unit, .gpu)
            XCTAssertFalse(choice.isRemembered)
        }
        let last = try await app.choose()
        XCTAssertTrue(last.isRemembered)
    }

    func testADamagedFileIsIgnoredAndWrittenAgain() async throws {
        _ = try await app.choose()
        let whole = try String(contentsOf: app.memoryFile, encoding: .utf8)
        let time = "\"medianMilliseconds\" : 0.1"
        let damaged = [
            "\0\u{1}\u{2}", "{}", "[]", "null",
            whole.replacingOccurrences(of: "\"correct\"", with: "\"right\""),
            whole.replacingOccurrences(of: "\"gpu\"", with: "\"tpu\""),
            whole.replacingOccurrences(of: time, with: "\"medianMilliseconds\" : \"fast\""),
            whole.replacingOccurrences(of: time, with: "\"medianMilliseconds\" : NaN"),
            whole.replacingOccurrences(of: time, with: "\"medianMilliseconds\" : 1e999"),
            whole.replacingOccurrences(of: time, with: "\"medianMilliseconds\" : -1"),
            whole.replacingOccurrences(of: time, with: "\"medianMilliseconds\" : null"),
            whole.replacingOccurrences(of: "aPhone1,1", with: "aPhone1"),
            whole.replacingOccurrences(of: "\"trials\"", with: "\"trial\""),
        ]
        for content in damaged {
            XCTAssertNotEqual(content, whole)
            try Data(content.utf8).write(to: app.memoryFile)
            let choice = try await app.choose()
            XCTAssertEqual(choice.unit, .gpu, content)
            XCTAssertFalse(choice.isRemembered, content)
            let next = try await app.choose()
            XCTAssertTrue(next.isRemembered, content)
        }
    }

    func testWhereNothingCanBeWrittenTheChoiceIsMadeEachTimeAndSaysSo() async throws {
        let file = app.resources.appendingPathComponent("not a folder")
        try Data().write(to: file)
        let app = try FakeApp(memory: file.appendingPathComponent("memory"))
        app[.gpu] = .fast
        for (policy, unit) in [
            (ComputeUnitPolicy.fastestCorrect, ComputeUnit.gpu), (.only(.cpu), .cpu),
        ] {
            let choice = try await app.choose(policy)
            XCTAssertEqual(choice.unit, unit)
            XCTAssertFalse(choice.isRemembered)
            XCTAssertTrue(choice.reason.contains("This could not be remembered: "), choice.reason)
        }
        try app.deleteFiles()
    }

    func testAUnitThatEndedTheAppIsPassedOver() async throws {
        leave(Note(candidate: app.candidate(.gpu), loads: 0), with: [])
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertEqual(choice.reason(of: .gpu), "the app ended while this was tried")
        let next = try await app.choose()
        XCTAssertTrue(next.isRemembered)
        XCTAssertEqual(next.unit, .cpu)
    }

    func testItIsTriedAgainWithAnotherBuildOfTheSystem() async throws {
        leave(Note(candidate: app.candidate(.gpu), loads: 0), with: [])
        _ = try await app.choose()
        app.device.state.withLock { $0.runtime = "fake 2" }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
    }

    func testWhatWasFoundBeforeTheAppEndedIsKept() async throws {
        _ = try await app.choose(.only(.cpu))
        leave(Note(candidate: app.candidate(.gpu), loads: 0))
        app.device.state.withLock { $0.loaded = [] }
        _ = try await app.choose()
        XCTAssertEqual(app.device.loaded, [app.candidate(.cpu)])
    }

    func testANoteIsThereWhileAUnitIsTriedAndGoneAfterwards() async throws {
        let notes = Mutex<[Candidate?]>([])
        let memory = app.remembered()
        let look: @Sendable () -> Void = {
            notes.withLock { $0.append(memory.read().note?.candidate) }
        }
        app[.cpu] = Behaviour(onLoad: look)
        app[.gpu] = Behaviour(nanoseconds: 1, onLoad: look)
        _ = try await app.choose()
        XCTAssertEqual(notes.withLock { $0 }, [nil, app.candidate(.gpu)])
        XCTAssertNil(memory.read().note)
    }

    func testTheAppMayEndOnceWhileWhatWasRightBeforeIsLoaded() async throws {
        _ = try await app.choose()
        leave(Note(candidate: app.candidate(.gpu), loads: 1))
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .gpu)
        XCTAssertNil(app.remembered().read().note)
    }

    func testWhatEndsTheAppTwiceInARowWhileItIsLoadedIsPassedOver() async throws {
        _ = try await app.choose()
        leave(Note(candidate: app.candidate(.gpu), loads: 1))
        let loads = Mutex<Int?>(nil)
        let memory = app.remembered()
        app[.gpu] = Behaviour(onLoad: { loads.withLock { $0 = memory.read().note?.loads } })
        _ = try await app.choose()
        XCTAssertEqual(loads.withLock { $0 }, 2)
        leave(Note(candidate: app.candidate(.gpu), loads: 2))
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertTrue(choice.isRemembered)
    }

    func testWhatDoesNotLoadAnyMoreIsPassedOver() async throws {
        _ = try await app.choose()
        app[.gpu] = Behaviour(onLoad: { throw ModelError.loadFailed("lost") })
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        let reason = "it ran before, and it does not load now: lost"
        XCTAssertEqual(choice.reason(of: .gpu), reason)
        let next = try await app.choose()
        XCTAssertEqual(next.reason(of: .gpu), reason)
    }

    func testWhatHangsNowIsPassedOver() async throws {
        _ = try await app.choose()
        app[.gpu] = Behaviour(onLoad: { [clock = app.clock] in await clock.hang() })
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
    }

    func testOnePolicyUsesWhatAnotherFoundOut() async throws {
        let without = try await app.choose(.without(.gpu))
        XCTAssertEqual(without.unit, .cpu)
        app.device.state.withLock { $0.loaded = [] }
        let all = try await app.choose()
        XCTAssertEqual(all.unit, .gpu)
        XCTAssertEqual(app.device.loaded, [app.candidate(.gpu)])
        let cpu = try await app.choose(.only(.cpu))
        XCTAssertEqual(cpu.unit, .cpu)
        XCTAssertTrue(cpu.isRemembered)
        let forced = try await app.choose(.only(.gpu))
        XCTAssertEqual(forced.unit, .gpu)
        XCTAssertTrue(forced.isRemembered)
    }

    func testACPUThatFailsIsTriedAgain() async throws {
        app[.cpu] = Behaviour(onLoad: { throw ModelError.loadFailed("full") })
        let first = try await app.choose()
        XCTAssertEqual(first.unit, .gpu)
        app[.cpu] = Behaviour(nanoseconds: 1)
        let second = try await app.choose()
        XCTAssertEqual(second.unit, .cpu)
    }

    func testACPUThatFailsForOnceDoesNotKeepTheAppFromStartingAgain() async throws {
        app[.gpu] = Behaviour { _, _ in [0, 0, 0] }
        app[.cpu] = Behaviour(onLoad: { throw ModelError.loadFailed("full") })
        let error = await thrown { _ = try await app.choose() }
        XCTAssertNotNil(error)
        app[.cpu] = Behaviour()
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
    }

    func testWordsOfAnyKindAreRemembered() async throws {
        let words = "= : \" \\ \n \t \0 \u{202e} ä 漢 \u{1F600}"
        app[.gpu] = Behaviour(onLoad: { throw ModelError.loadFailed(words) })
        for _ in 0..<2 {
            let choice = try await app.choose()
            XCTAssertEqual(choice.reason(of: .gpu), words)
        }
    }

    func testTheAppsOwnPlaceIsThePackages() {
        XCTAssertTrue(ChoiceMemory.folder.path.hasSuffix("/mobilekit/Core"))
        XCTAssertFalse(deviceModel().isEmpty)
    }

    private func leave(_ note: Note, with trials: [ComputeUnitTrial]? = nil) {
        let memory = app.remembered()
        let kept = trials ?? memory.read().trials
        XCTAssertNil(memory.write(Contents(trials: kept, note: note)))
    }

    private func assertMadeAgain(_ change: () throws -> Void) async throws {
        _ = try await app.choose()
        let before = try await app.choose()
        XCTAssertTrue(before.isRemembered)
        try change()
        let after = try await app.choose()
        XCTAssertFalse(after.isRemembered)
        let next = try await app.choose()
        XCTAssertTrue(next.isRemembered)
    }
}
