import Foundation
import Synchronization

@testable import Core

/// What a fake engine does: by default it is right, and takes a millisecond.
struct Behaviour: Sendable {
    var nanoseconds: UInt64 = 1_000_000

    /// What it makes of the right answer, run by run.
    var answer: @Sendable (_ run: Int, _ right: [Float]) async throws -> [Float] = { $1 }

    var onLoad: @Sendable () async throws -> Void = {}

    static let fast = Behaviour(nanoseconds: 100_000)
}

/// An error that is not the package's own.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

/// A device whose compute units do what a test wants of them. It has a CPU and a GPU.
final class FakeDevice: EngineLoader {
    struct State {
        var runtime = "fake 1"
        var behaviours: [Candidate: Behaviour] = [:]
        var unavailable: [ComputeUnit: String] = [
            .neuralEngine: "this device has none", .all: "this device has none",
        ]

        /// All that was ever loaded, and how many are not freed.
        var loaded: [Candidate] = []
        var open = 0

        /// What ran, run by run.
        var ran: [Candidate] = []

        /// Uses of engines that break a rule.
        var faults: [String] = []
    }

    let clock: FakeClock
    let state = Mutex(State())

    init(_ clock: FakeClock) {
        self.clock = clock
    }

    var runtime: String { state.withLock { $0.runtime } }
    var loaded: [Candidate] { state.withLock { $0.loaded } }
    var open: Int { state.withLock { $0.open } }
    var ran: [Candidate] { state.withLock { $0.ran } }
    var faults: [String] { state.withLock { $0.faults } }

    func unavailable(_ unit: ComputeUnit) -> String? { state.withLock { $0.unavailable[unit] } }

    func load(_ artifact: ArtifactSpec, on unit: ComputeUnit) async throws -> any Engine {
        let candidate = Candidate(unit: unit, variant: artifact.variant)
        let behaviour = state.withLock {
            $0.loaded.append(candidate)
            return $0.behaviours[candidate] ?? Behaviour()
        }
        try await behaviour.onLoad()
        state.withLock { $0.open += 1 }
        return FakeEngine(self, candidate, behaviour)
    }
}

final class FakeEngine: Engine {
    private let device: FakeDevice
    private let candidate: Candidate
    private let behaviour: Behaviour
    private let uses = Mutex((runs: 0, users: 0))

    init(_ device: FakeDevice, _ candidate: Candidate, _ behaviour: Behaviour) {
        self.device = device
        self.candidate = candidate
        self.behaviour = behaviour
    }

    deinit {
        device.state.withLock { $0.open -= 1 }
    }

    func run(_ inputs: [TensorValues]) async throws -> [TensorValues] {
        let (run, users) = uses.withLock { uses in
            defer { uses = (uses.runs + 1, uses.users + 1) }
            return uses
        }
        defer { uses.withLock { $0.users -= 1 } }
        device.state.withLock {
            $0.ran.append(candidate)
            if users > 0 { $0.faults.append("used by two at once") }
        }
        device.clock.advance(behaviour.nanoseconds)
        guard case .float32(let input) = inputs[0] else { throw Broken(description: "no floats") }
        return [.float32(try await behaviour.answer(run, TestModel.answer(input)))]
    }
}
