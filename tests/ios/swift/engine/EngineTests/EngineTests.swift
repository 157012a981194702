import Foundation
import XCTest

@testable import Models

final class EngineTests: XCTestCase {
    /// Writes the answers to all goldens into files `MODEL.VARIANT.OUTPUT`, for Python to compare.
    func testWritesAnswers() async throws {
        try await withFolder { cache in
            for spec in models {
                let resources = PackageResources(name: spec.name)
                let golden = try Golden(of: spec, in: resources)
                let loader = CoreMLEngineLoader(
                    resources: resources, models: CoreMLEngineModels(folder: cache))
                for artifact in spec.artifacts {
                    let engine = try await loader.load(artifact, on: .cpu)
                    var files = spec.outputs.map { _ in Data() }
                    for run in 0..<golden.runs {
                        let answers = try await engine.run(golden.inputs(ofRun: run))
                        for (index, answer) in answers.enumerated() {
                            XCTAssertTrue(answer.fits(spec.outputs[index]))
                            files[index].append(bytes(of: answer))
                        }
                    }
                    for (index, data) in files.enumerated() {
                        try data.write(
                            to: folder("ANSWERS").appendingPathComponent(
                                "\(spec.name).\(artifact.variant).\(index)"))
                    }
                }
            }
        }
    }

    func testManyTasksGetTheirOwnAnswers() async throws {
        try await withEngine { engine, golden in
            var expected: [[TensorValues]] = []
            for run in 0..<golden.runs {
                expected.append(try await engine.run(golden.inputs(ofRun: run)))
            }
            let first = expected
            try await withThrowingTaskGroup(of: (Int, [TensorValues]).self) { group in
                for call in 0..<40 {
                    let run = call % golden.runs
                    group.addTask { (run, try await engine.run(golden.inputs(ofRun: run))) }
                }
                for try await (run, answers) in group { XCTAssertEqual(answers, first[run]) }
            }
        }
    }

    func testWhatCoreMLSaysOfARunIsPassedOn() async throws {
        try await withEngine { engine, golden in
            try await withFaults("cpuOnly=throwsOnRun") {
                let error = await modelError { _ = try await engine.run(golden.inputs(ofRun: 0)) }
                XCTAssertEqual(error, .runFailed("The compute unit cpuOnly cannot run it."))
            }
            _ = try await engine.run(golden.inputs(ofRun: 0))
        }
    }

    func testValuesThatDoNotFitAreRefused() async throws {
        try await withEngine { engine, golden in
            for values in [TensorValues.float32([1]), .int32([Int32](repeating: 0, count: 784))] {
                guard case .runFailed = await modelError({ _ = try await engine.run([values]) })
                else { return XCTFail("\(values.count) values") }
            }
        }
    }

    func testWhatCoreMLSaysOfLoadingIsPassedOn() async throws {
        try await withFaults("cpuAndGPU=throwsOnLoad") {
            let error = await modelError { try await withEngine(on: .gpu) { _, _ in } }
            XCTAssertEqual(error, .loadFailed("The compute unit cpuAndGPU cannot load it."))
        }
    }

    func testAPackageWithOtherNamesIsRefused() async throws {
        for (inputs, outputs, kind) in [
            ([StoredTensor(name: "other")], digits.artifacts[0].outputs, "input"),
            (digits.artifacts[0].inputs, [StoredTensor(name: "other")], "output"),
        ] {
            let known = digits.artifacts[0]
            let artifact = ArtifactSpec(
                variant: known.variant, resource: known.resource, sha256: known.sha256,
                inputs: inputs, outputs: outputs, budget: known.budget)
            let error = await modelError {
                try await withFolder { cache in
                    _ = try await loader(cache).load(artifact, on: .cpu)
                }
            }
            XCTAssertEqual(
                error, .loadFailed("The package has no \(kind) other that is an array."))
        }
    }

    func testTheRuntimeIsTheSystem() {
        XCTAssertEqual(
            CoreMLEngineLoader(resources: PackageResources(name: "Digits")).runtime,
            ProcessInfo.processInfo.operatingSystemVersionString)
    }
}

private func loader(_ cache: URL) -> CoreMLEngineLoader {
    CoreMLEngineLoader(
        resources: PackageResources(name: digits.name), models: CoreMLEngineModels(folder: cache))
}

private func withEngine(
    on unit: ComputeUnit = .cpu, _ action: (any Engine, Golden) async throws -> Void
) async throws {
    try await withFolder { cache in
        let golden = try Golden(of: digits, in: PackageResources(name: digits.name))
        try await action(try await loader(cache).load(digits.artifacts[0], on: unit), golden)
    }
}

private func bytes(of values: TensorValues) -> Data {
    switch values {
    case .float32(let values): values.withUnsafeBytes { Data($0) }
    case .int32(let values): values.withUnsafeBytes { Data($0) }
    }
}
