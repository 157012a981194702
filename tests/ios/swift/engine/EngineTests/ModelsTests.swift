import Foundation
import XCTest

@testable import Models

/// The cache of compiled models.
final class ModelsTests: XCTestCase {
    private let artifact = digits.artifacts[0]
    private let package = PackageResources(name: "Digits").url(digits.artifacts[0].resource)

    private func mark(_ model: URL) throws -> NSNumber {
        // A file's number in the file system stays as long as the file does.
        let file = model.deletingLastPathComponent().appendingPathComponent("record.json")
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return attributes[.systemFileNumber] as! NSNumber
    }

    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
    }

    func testCompilesOnce() async throws {
        try await withFolder { folder in
            let models = CoreMLEngineModels(folder: folder)
            let first = try await models.url(of: artifact, package: package)
            let mark = try mark(first)
            // Nothing is there to compile any more.
            let none = folder.appendingPathComponent("none.mlpackage")
            let second = try await models.url(of: artifact, package: none)
            XCTAssertEqual(first, second)
            XCTAssertEqual(mark, try self.mark(second))
            XCTAssertEqual(try names(folder), ["coreml-fp16-\(artifact.sha256)"])
        }
    }

    func testWhatIsDamagedIsMadeAgain() async throws {
        try await withFolder { folder in
            let models = CoreMLEngineModels(folder: folder)
            let model = try await models.url(of: artifact, package: package)
            let whole = try sha256OfFiles(at: model)
            let record = model.deletingLastPathComponent().appendingPathComponent("record.json")
            let added = model.appendingPathComponent("added")
            for damage in [
                { try Data([0]).write(to: added) },
                { try Data([0]).write(to: record) },
                { try FileManager.default.removeItem(at: record) },
                { try FileManager.default.removeItem(at: model) },
            ] {
                try damage()
                let again = try await models.url(of: artifact, package: package)
                XCTAssertEqual(again, model)
                XCTAssertEqual(try sha256OfFiles(at: again), whole)
            }
        }
    }

    func testAnotherSystemCompilesAgain() async throws {
        try await withFolder { folder in
            var models = CoreMLEngineModels(folder: folder, runtime: "Version 17.5 (21F79)")
            _ = try await models.url(of: artifact, package: package)
            models.runtime = "Version 18.0 (22A3354)"
            let none = folder.appendingPathComponent("none.mlpackage")
            do {
                _ = try await models.url(of: artifact, package: none)
                XCTFail("It was not compiled again.")
            } catch {}
        }
    }

    func testOldModelsAreDeleted() async throws {
        try await withFolder { folder in
            let old = "coreml-fp16-" + String(repeating: "0", count: 64)
            let other = "coreml-w8-" + String(repeating: "0", count: 64)
            for name in [old, other, "unfinished-1", "coreml-fp16-notes"] {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
            }
            _ = try await CoreMLEngineModels(folder: folder).url(of: artifact, package: package)
            XCTAssertEqual(
                try names(folder).sorted(),
                ["coreml-fp16-\(artifact.sha256)", "coreml-fp16-notes", other].sorted())
        }
    }

    func testManyTasksCompileOnce() async throws {
        try await withFolder { folder in
            let models = CoreMLEngineModels(folder: folder)
            let (artifact, package) = (artifact, package)
            let found = try await withThrowingTaskGroup(of: URL.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await models.url(of: artifact, package: package) }
                }
                return try await group.reduce(into: Set<URL>()) { $0.insert($1) }
            }
            XCTAssertEqual(found.count, 1)
            XCTAssertEqual(try names(folder).count, 1)
        }
    }
}
