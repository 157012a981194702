import Foundation
import XCTest

@testable import Models

/// The resources of the generated package of a model.
struct PackageResources: ModelResources {
    let name: String

    func url(_ path: String) -> URL {
        folder("PACKAGES").appendingPathComponent("\(name)/Sources/\(name)/Resources/\(path)")
    }
}

/// Resources in any folder.
struct FolderResources: ModelResources {
    let folder: URL

    func url(_ path: String) -> URL { folder.appendingPathComponent(path) }
}

/// A folder that the test was told of.
func folder(_ variable: String) -> URL {
    URL(fileURLWithPath: ProcessInfo.processInfo.environment[variable]!, isDirectory: true)
}

/// The example's model, with a single variant.
let digits: ModelSpec = {
    let all = models.first { $0.name == "Digits" }!
    return ModelSpec(
        name: all.name, inputs: all.inputs, outputs: all.outputs,
        artifacts: all.artifacts.filter { $0.variant == "coreml-fp16" }, golden: all.golden)
}()

/// Calls something with a new folder, which is deleted afterwards.
func withFolder<Value>(_ action: (URL) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await action(folder)
}

/// Lets compute units of the stand-in go wrong meanwhile.
func withFaults<Value>(_ faults: String, _ action: () async throws -> Value) async throws -> Value {
    setenv("MOBILEKIT_CORE_ML_FAULTS", faults, 1)
    defer { unsetenv("MOBILEKIT_CORE_ML_FAULTS") }
    return try await action()
}

/// Returns what a model's call throws, or nil.
func modelError(_ action: () async throws -> Void) async -> ModelError? {
    do {
        try await action()
        return nil
    } catch {
        return error as? ModelError
    }
}
