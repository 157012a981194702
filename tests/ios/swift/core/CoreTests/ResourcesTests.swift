import Foundation
import XCTest

@testable import Core
@testable import Fakes

/// Resources that are not what the package was built with, and goldens of any type and batch.
final class ResourcesTests: XCTestCase {
    private var app: FakeApp!
    private let weights = "fp16.mlpackage/Data/com.apple.CoreML/weights/weight.bin"

    override func setUpWithError() throws {
        app = try FakeApp()
    }

    override func tearDownWithError() throws {
        try app.deleteFiles()
    }

    func testAPackageWithAFileCutShortIsRefused() async throws {
        try app.edit(weights) { $0.removeLast() }
        try await assertRefused("fp16.mlpackage")
    }

    func testAPackageWithAnotherFileOfTheSameLengthIsRefused() async throws {
        try app.edit(weights) { $0[70_000] += 1 }
        let error = try await assertRefused("fp16.mlpackage")
        guard case .corrupted(_, let expected, let found) = error else { return XCTFail() }
        XCTAssertEqual(expected, "the sha256 \(app.spec.artifacts[0].sha256)")
        XCTAssertNotNil(found.range(of: "^the sha256 [0-9a-f]{64}$", options: .regularExpression))
        XCTAssertEqual(
            error?.localizedDescription,
            "The resource fp16.mlpackage is not the one that the app was built with: expected "
                + "\(expected), found \(found). Build and install the app again.")
    }

    func testAPackageWithAFileThatIsMissingIsRefused() async throws {
        try FileManager.default.removeItem(at: app.resources.appendingPathComponent(weights))
        try await assertRefused("fp16.mlpackage")
    }

    func testAPackageWithAFileMoreIsRefused() async throws {
        let more = app.resources.appendingPathComponent("fp16.mlpackage/Data/.more")
        try Data("x".utf8).write(to: more)
        try await assertRefused("fp16.mlpackage")
    }

    func testAPackageThatIsMissingIsRefused() async throws {
        let package = app.resources.appendingPathComponent("fp16.mlpackage")
        try FileManager.default.removeItem(at: package)
        let error = try await assertRefused("fp16.mlpackage")
        guard case .corrupted(_, _, let found) = error else { return XCTFail() }
        XCTAssertTrue(found.hasPrefix("none: "), found)
    }

    func testAPackageThatWasDamagedAfterTheChoiceIsRefused() async throws {
        _ = try await app.choose()
        app.device.state.withLock { $0.loaded = [] }
        try app.edit(weights) { $0[0] += 1 }
        try await assertRefused("fp16.mlpackage")
    }

    func testEachPackageThatIsTriedIsChecked() async throws {
        let app = try FakeApp("fp16", "w8")
        try app.edit("w8.mlpackage/Manifest.json") { $0[0] += 1 }
        let error = await thrown { _ = try await app.choose() }
        guard case .corrupted("w8.mlpackage", _, _) = error as? ModelError else {
            return XCTFail("\(error as Any)")
        }
        try await eventually { app.device.open == 0 }
        try app.deleteFiles()
    }

    func testAGoldenThatWasCutShortIsRefused() async throws {
        for (path, size) in [("golden/input-0.bin", 128), ("golden/output-0.bin", 96)] {
            let app = try FakeApp()
            try app.edit(path) { $0.removeLast() }
            let error = await thrown { _ = try await app.choose() }
            XCTAssertEqual(
                error as? ModelError,
                .corrupted(
                    resource: path, expected: "\(size) bytes", found: "\(size - 1) bytes"))
            try app.deleteFiles()
        }
    }

    func testAGoldenThatIsMissingIsRefused() async throws {
        let golden = app.resources.appendingPathComponent("golden/output-0.bin")
        try FileManager.default.removeItem(at: golden)
        try await assertRefused("golden/output-0.bin")
    }

    func testAGoldenWithNaNLetsNothingPass() async throws {
        try app.edit("golden/output-0.bin") { golden in
            golden.replaceSubrange(8..<12, with: [0, 0, 0xc0, 0x7f])
        }
        let choice = try await app.choose()
        XCTAssertEqual(choice.unit, .cpu)
        XCTAssertFalse(choice.isCorrect)
    }

    func testValuesOfEveryTypeAreRead() throws {
        try FileManager.default.createDirectory(
            at: app.resources, withIntermediateDirectories: true)
        let resources = FolderResources(folder: app.resources)
        try Data([0, 0, 0, 0x3f, 0, 0, 0, 0xc0]).write(to: resources.url("floats"))
        try Data([0x90, 0xee, 0xfe, 0xff, 5, 0, 0, 0]).write(to: resources.url("integers"))
        let floats = try TensorValues(.float32, count: 2, of: "floats", in: resources)
        let integers = try TensorValues(.int32, count: 2, of: "integers", in: resources)
        XCTAssertEqual(floats, .float32([0.5, -2]))
        XCTAssertEqual(integers, .int32([-70_000, 5]))
        XCTAssertEqual(floats.reals(0..<2), [0.5, -2])
        XCTAssertEqual(integers.reals(1..<2), [5])
        XCTAssertEqual(integers[0..<1], .int32([-70_000]))
        XCTAssertTrue(integers.isIdentical(to: integers))
        XCTAssertFalse(integers.isIdentical(to: floats))
        XCTAssertFalse(floats.isIdentical(to: .float32([0.5])))
        XCTAssertFalse(floats.isIdentical(to: .float32([0.5, 2])))
        XCTAssertTrue(TensorValues.float32([]).isIdentical(to: .float32([])))
    }

    func testALastRunThatIsNotFullIsFilledWithTheFirstSamples() throws {
        let spec = ModelSpec(
            name: "Pairs",
            inputs: [
                TensorSpec(name: "x", shape: [2, 3], dtype: .float32),
                TensorSpec(name: "k", shape: [1], dtype: .int32),
            ],
            outputs: [TensorSpec(name: "y", shape: [2, 3], dtype: .float32)],
            artifacts: [],
            golden: GoldenSpec(samples: 5, inputs: ["x", "k"], outputs: ["x"]))
        let resources = FolderResources(folder: app.resources)
        let samples = (0..<5).map { row in (0..<3).map { Float(row * 10 + $0) } }
        try TestModel.bytes(samples).write(to: resources.url("x"))
        try Data(repeating: 1, count: 20).write(to: resources.url("k"))
        let golden = try Golden(of: spec, in: resources)
        XCTAssertEqual(golden.runs, 3)
        XCTAssertEqual((0..<3).map(golden.samples(ofRun:)), [0..<2, 2..<4, 4..<5])
        XCTAssertEqual(
            golden.inputs(ofRun: 2), [.float32([40, 41, 42, 0, 1, 2]), .int32([0x0101_0101])])
    }

    func testABundlesResourcesAreFound() throws {
        let bundle = try XCTUnwrap(Bundle(url: app.resources))
        let golden = try BundleResources(bundle).data("golden/input-0.bin")
        XCTAssertEqual(golden.count, 128)
    }

    @discardableResult
    private func assertRefused(
        _ resource: String, file: StaticString = #filePath, line: UInt = #line
    ) async throws -> ModelError? {
        let error = await thrown { _ = try await app.choose() } as? ModelError
        if case .corrupted(let found, _, _) = error {
            XCTAssertEqual(found, resource, file: file, line: line)
        } else {
            XCTFail("\(error as Any)", file: file, line: line)
        }
        XCTAssertEqual(app.device.loaded, [], file: file, line: line)
        return error
    }
}
