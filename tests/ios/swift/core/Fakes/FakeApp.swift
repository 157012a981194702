import Foundation
import Synchronization

@testable import Core

/// An app with a model, on a fake device.
final class FakeApp: Sendable {
    struct About {
        var spec: ModelSpec
        var device = "aPhone1,1"
    }

    let clock = FakeClock()
    let device: FakeDevice
    let about: Mutex<About>

    /// Where its resources are, and where it remembers choices.
    let resources: URL
    let memory: URL

    /// - Parameter folder: where its files are; a new one, unless it is given.
    init(_ variants: String..., in folder: URL? = nil, memory: URL? = nil) throws {
        let variants = variants.isEmpty ? ["fp16"] : variants
        let folder =
            folder
            ?? FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        resources = folder.appendingPathComponent("resources")
        self.memory = memory ?? folder.appendingPathComponent("memory")
        device = FakeDevice(clock)
        about = Mutex(About(spec: try TestModel.spec(variants)))
        try TestModel.write(variants, to: resources)
    }

    var spec: ModelSpec {
        get { about.withLock { $0.spec } }
        set { about.withLock { $0.spec = newValue } }
    }

    var memoryFile: URL { memory.appendingPathComponent("Test.choice.json") }

    subscript(unit: ComputeUnit, variant: String? = nil) -> Behaviour {
        get { device.state.withLock { $0.behaviours[candidate(unit, variant)] ?? Behaviour() } }
        set {
            device.state.withLock {
                $0.unavailable[unit] = nil
                $0.behaviours[candidate(unit, variant)] = newValue
            }
        }
    }

    func candidate(_ unit: ComputeUnit, _ variant: String? = nil) -> Candidate {
        Candidate(unit: unit, variant: variant ?? spec.artifacts[0].variant)
    }

    func open(
        _ policy: ComputeUnitPolicy = .fastestCorrect,
        limits: TrialLimits = TrialLimits(),
        clock: (any TrialClock)? = nil
    ) async throws -> ModelRunner {
        let (spec, name) = about.withLock { ($0.spec, $0.device) }
        return try await ModelRunner.open(
            spec, resources: FolderResources(folder: resources), loader: device, policy: policy,
            folder: memory, device: name, limits: limits, clock: clock ?? self.clock)
    }

    /// Opens the model for its choice alone.
    func choose(_ policy: ComputeUnitPolicy = .fastestCorrect) async throws -> ComputeUnitChoice {
        try await open(policy).choice
    }

    func remembered() -> ChoiceMemory {
        let (spec, name) = about.withLock { ($0.spec, $0.device) }
        return ChoiceMemory(
            file: memoryFile,
            key: ChoiceMemory.key(of: spec, runtime: device.runtime, device: name))
    }

    /// Changes a resource.
    func edit(_ path: String, _ change: (inout Data) -> Void) throws {
        let file = resources.appendingPathComponent(path)
        var data = try Data(contentsOf: file)
        change(&data)
        try data.write(to: file)
    }

    func deleteFiles() throws {
        try FileManager.default.removeItem(at: resources.deletingLastPathComponent())
    }
}

extension ComputeUnitChoice {
    func reason(of unit: ComputeUnit) -> String {
        trials.filter { $0.unit == unit }.map(\.reason).joined(separator: ", ")
    }
}
