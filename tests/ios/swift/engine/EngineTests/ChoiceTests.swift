import Foundation
import XCTest

@testable import Models

/// The choice of a compute unit, made by real loading and running.
final class ChoiceTests: XCTestCase {
    private func open(
        _ faults: String, policy: ComputeUnitPolicy = .without(.gpu, .all), in folder: URL,
        resources: any ModelResources = PackageResources(name: "Digits"),
        limits: TrialLimits = TrialLimits()
    ) async throws -> ModelRunner {
        try await withFaults(faults) {
            try await ModelRunner.open(
                digits, resources: resources,
                loader: CoreMLEngineLoader(
                    resources: resources,
                    models: CoreMLEngineModels(folder: folder.appendingPathComponent("compiled"))),
                policy: policy, folder: folder, limits: limits)
        }
    }

    private func assertPassedOver(
        _ fault: String, _ outcome: TrialOutcome, limits: TrialLimits = TrialLimits()
    ) async throws {
        try await withFolder { folder in
            let choice = try await open(
                "cpuOnly=slow:0.02,cpuAndNeuralEngine=\(fault)", in: folder, limits: limits
            ).choice
            XCTAssertEqual(choice.unit, .cpu)
            XCTAssertTrue(choice.isCorrect)
            let trial = try XCTUnwrap(choice.trials.first { $0.unit == .neuralEngine })
            XCTAssertEqual(trial.outcome, outcome, trial.reason)
        }
    }

    func testTheFastestIsChosenAndRemembered() async throws {
        try await withFolder { folder in
            let faults = "cpuOnly=slow:0.02"
            let first = try await open(faults, in: folder).choice
            XCTAssertEqual(first.unit, .neuralEngine)
            XCTAssertFalse(first.isRemembered)
            let second = try await open(faults, in: folder).choice
            XCTAssertEqual(second.unit, .neuralEngine)
            XCTAssertTrue(second.isRemembered)
        }
    }

    func testAUnitThatCannotLoadIsPassedOver() async throws {
        try await assertPassedOver("throwsOnLoad", .failed)
    }

    func testAUnitThatThrowsIsPassedOver() async throws {
        try await assertPassedOver("throwsOnRun", .failed)
    }

    func testAUnitThatHangsInLoadingIsPassedOver() async throws {
        var limits = TrialLimits()
        limits.loading = 5_000_000_000
        try await assertPassedOver("hangsOnLoad", .failed, limits: limits)
    }

    func testAUnitThatHangsIsPassedOver() async throws {
        var limits = TrialLimits()
        limits.running = 5_000_000_000
        try await assertPassedOver("hangsOnRun", .failed, limits: limits)
    }

    func testAUnitThatDriftsIsPassedOver() async throws {
        try await assertPassedOver("drifts", .unproven)
    }

    func testAUnitThatErrsSometimesIsPassedOver() async throws {
        try await assertPassedOver("errsSometimes", .unproven)
    }

    func testAUnitThatAnswersNaNIsPassedOver() async throws {
        try await assertPassedOver("nan", .unproven)
    }

    func testATamperedPackageIsRefused() async throws {
        try await withFolder { folder in
            let copy = folder.appendingPathComponent("resources")
            let manager = FileManager.default
            try manager.copyItem(at: PackageResources(name: "Digits").url(""), to: copy)
            let weights = copy.appendingPathComponent(
                "coreml-fp16.mlpackage/Data/com.apple.CoreML/weights/weight.bin")
            var data = try Data(contentsOf: weights)
            data[data.count - 1] ^= 1
            try data.write(to: weights)
            let error = await modelError {
                _ = try await open("", in: folder, resources: FolderResources(folder: copy))
            }
            guard case .corrupted(let resource, _, let found) = error else {
                return XCTFail("\(String(describing: error))")
            }
            XCTAssertEqual(resource, "coreml-fp16.mlpackage")
            XCTAssertTrue(found.hasPrefix("the sha256 "))
        }
    }
}
