import Foundation
import XCTest

@testable import Core
@testable import Fakes

/// Numbers that Python wrote, in the folder that the variable `AS_PYTHON` names.
final class AsPythonTests: XCTestCase {
    /// Answers and references as bit patterns, and what Python made of them.
    private struct Case: Decodable {
        let size: Int
        let isClassified: Bool
        let answers: [UInt32]
        let references: [UInt32]
        let problem: String?
        let metrics: [String: Double]
    }

    private func folder() throws -> URL {
        let path = ProcessInfo.processInfo.environment["AS_PYTHON"]
        return URL(fileURLWithPath: try XCTUnwrap(path))
    }

    func testAnswersAreMeasuredAsPythonDoes() throws {
        let data = try Data(contentsOf: try folder().appendingPathComponent("cases.json"))
        let cases = try JSONDecoder().decode([Case].self, from: data)
        XCTAssertGreaterThan(cases.count, 80)
        for (number, item) in cases.enumerated() { check(item, "case \(number)") }
    }

    private func check(_ item: Case, _ name: String) {
        let tensor = TensorSpec(
            name: "y", shape: [1, item.size], dtype: .float32, isClassified: item.isClassified)
        let answers = TensorValues.float32(item.answers.map(Float.init(bitPattern:)))
        let references = TensorValues.float32(item.references.map(Float.init(bitPattern:)))
        var metrics = AnswerMetrics(tensor)
        for start in stride(from: 0, to: item.answers.count, by: max(item.size, 1)) {
            var sample = AnswerMetrics(tensor)
            let range = start..<start + item.size
            sample.add(answers.reals(range), reference: references.reals(range))
            metrics.add(sample)
        }
        XCTAssertEqual(metrics.problem, item.problem, name)
        guard item.problem == nil else { return }
        let found = [
            "snr_db": metrics.snrDb, "psnr_db": metrics.psnrDb, "max_abs": metrics.maxAbs,
            "cosine": metrics.cosine, "agreement": metrics.agreement,
            "agreement_high": metrics.agreementHigh,
        ].compactMapValues { $0 }
        XCTAssertEqual(Set(found.keys), Set(item.metrics.keys), name)
        for (key, value) in item.metrics {
            let slack = 1e-9 * max(1, abs(value))
            XCTAssertEqual(found[key] ?? .nan, value, accuracy: slack, "\(name): \(key)")
        }
    }

    func testAFoldersFilesAreHashedAsPythonDoes() throws {
        let folder = try folder()
        let data = try Data(contentsOf: folder.appendingPathComponent("sha256.json"))
        for (path, sha256) in try JSONDecoder().decode([String: String].self, from: data) {
            XCTAssertEqual(try sha256OfFiles(at: folder.appendingPathComponent(path)), sha256, path)
        }
    }
}
