import CoreGraphics
import CoreML
import CoreVideo
import Foundation
import XCTest

private let samples = ProcessInfo.processInfo.environment["SAMPLES"]!

/// `types.mlpackage` has float32, float16 and int32 inputs of the shape [2, 3]; its outputs are their
/// doubles. `colours.mlpackage` takes an RGB image of 3 × 2 pixels and returns it, by channel.
private func load(_ name: String, _ units: MLComputeUnits = .cpuOnly) async throws -> MLModel {
    let package = URL(fileURLWithPath: samples).appendingPathComponent("\(name).mlpackage")
    let compiled = try await MLModel.compileModel(at: package)
    defer { try? FileManager.default.removeItem(at: compiled) }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units
    return try await MLModel.load(contentsOf: compiled, configuration: configuration)
}

private func multiArray(_ values: [Double], _ type: MLMultiArrayDataType) throws -> MLMultiArray {
    let array = try MLMultiArray(shape: [2, 3], dataType: type)
    for (index, value) in values.enumerated() { array[index] = NSNumber(value: value) }
    return array
}

private func typed() throws -> [String: Any] {
    [
        "f": try multiArray([1.5, -2, 0.25, 1e-3, 100, 7], .float32),
        "h": try multiArray([1.5, -2, 0.25, 0.5, 100, 7], .float16),
        "i": try multiArray([1, -2, 3, 40_000, 5, 6], .int32),
    ]
}

private func numbers(_ value: MLFeatureValue?) -> [Double] {
    guard let array = value?.multiArrayValue else { return [] }
    return (0..<array.count).map { array[$0].doubleValue }
}

private func code(_ body: () async throws -> Void) async -> MLModelError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MLModelError)?.code
    }
}

final class MultiArrayTests: XCTestCase {
    func testEveryTypeGoesInAndOut() async throws {
        let model = try await load("types")
        let input = try MLDictionaryFeatureProvider(dictionary: typed())
        let output = try await model.prediction(from: input)
        XCTAssertEqual(output.featureNames, ["f2", "h2", "i2"])
        let single = [1.5, -2, 0.25, Double(Float(1e-3)), 100, 7].map { 2 * $0 }
        XCTAssertEqual(numbers(output.featureValue(for: "f2")), single)
        XCTAssertEqual(numbers(output.featureValue(for: "h2")), [3, -4, 0.5, 1, 200, 14])
        XCTAssertEqual(numbers(output.featureValue(for: "i2")), [2, -4, 6, 80_000, 10, 12])
        XCTAssertEqual(output.featureValue(for: "h2")?.multiArrayValue?.dataType, .float16)
        XCTAssertEqual(output.featureValue(for: "i2")?.multiArrayValue?.dataType, .int32)
    }

    func testDescriptionsAreThePackages() async throws {
        let description = try await load("types").modelDescription
        let input = try XCTUnwrap(description.inputDescriptionsByName["h"]?.multiArrayConstraint)
        XCTAssertEqual(input.shape, [2, 3])
        XCTAssertEqual(input.dataType, .float16)
        XCTAssertEqual(description.outputDescriptionsByName["i2"]?.type, .multiArray)
    }

    func testOutputsGoIntoBackings() async throws {
        let model = try await load("types")
        let backing = try MLMultiArray(shape: [2, 3], dataType: .float32)
        let options = MLPredictionOptions()
        options.outputBackings = ["f2": backing]
        let input = try MLDictionaryFeatureProvider(dictionary: typed())
        let output = try await model.prediction(from: input, options: options)
        XCTAssertTrue(output.featureValue(for: "f2")?.multiArrayValue === backing)
        XCTAssertEqual(backing[[1, 1]], 200)
        options.outputBackings = ["f2": try MLMultiArray(shape: [6], dataType: .float32)]
        let refused = await code { _ = try await model.prediction(from: input, options: options) }
        XCTAssertEqual(refused, .parameters)
    }

    func testStridesAreHonoured() async throws {
        let model = try await load("types")
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 8)
        memory.initialize(from: [1, 2, 3, 99, 4, 5, 6, 99], count: 8)
        var features = try typed()
        features["f"] = try MLMultiArray(
            dataPointer: memory, shape: [2, 3], dataType: .float32, strides: [4, 1],
            deallocator: { $0.deallocate() })
        let input = try MLDictionaryFeatureProvider(dictionary: features)
        let output = try await model.prediction(from: input)
        XCTAssertEqual(numbers(output.featureValue(for: "f2")), [2, 4, 6, 8, 10, 12])
    }

    func testElementsHaveIndices() throws {
        let array = try multiArray([0, 1, 2, 3, 4, 5], .double)
        XCTAssertEqual(array.strides, [3, 1])
        XCTAssertEqual(array[[1, 2]], 5)
        array[[0, 1]] = 9
        XCTAssertEqual(array[1], 9)
        let sum = array.withUnsafeBufferPointer(ofType: Double.self) { $0.reduce(0, +) }
        XCTAssertEqual(sum, 23)
        XCTAssertThrowsError(try MLMultiArray(shape: [2, 0], dataType: .float32))
    }

    func testManyTasksAtOnce() async throws {
        let package = URL(fileURLWithPath: samples).appendingPathComponent("types.mlpackage")
        let compiled = try await MLModel.compileModel(at: package)
        defer { try? FileManager.default.removeItem(at: compiled) }
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for task in 0..<8 {
                group.addTask {
                    let model = try await MLModel.load(contentsOf: compiled)
                    var features = try typed()
                    features["i"] = try multiArray(.init(repeating: Double(task), count: 6), .int32)
                    let input = try MLDictionaryFeatureProvider(dictionary: features)
                    let output = try await model.prediction(from: input)
                    XCTAssertEqual(
                        numbers(output.featureValue(for: "i2")),
                        .init(repeating: Double(2 * task), count: 6))
                    return []
                }
            }
            try await group.waitForAll()
        }
    }
}

final class WrongInputTests: XCTestCase {
    func testInputs() async throws {
        let model = try await load("types")
        var features = try typed()
        features["h"] = nil
        let lacking = try MLDictionaryFeatureProvider(dictionary: features)
        let missing = await code { _ = try await model.prediction(from: lacking) }
        XCTAssertEqual(missing, .featureType)
        features["h"] = try MLMultiArray(shape: [3, 2], dataType: .float16)
        let turned = try MLDictionaryFeatureProvider(dictionary: features)
        do {
            _ = try await model.prediction(from: turned)
            XCTFail("A wrong shape was taken.")
        } catch {
            XCTAssertTrue(error.localizedDescription.contains("[3, 2], not [2, 3]"), "\(error)")
        }
    }

    func testPackages() async throws {
        let none = URL(fileURLWithPath: samples).appendingPathComponent("none.mlpackage")
        let missing = await code { _ = try await MLModel.compileModel(at: none) }
        XCTAssertEqual(missing, .io)
        let damaged = URL(fileURLWithPath: samples).appendingPathComponent("damaged.mlpackage")
        let broken = await code { _ = try await MLModel.compileModel(at: damaged) }
        XCTAssertEqual(broken, .io)
        let package = URL(fileURLWithPath: samples).appendingPathComponent("types.mlpackage")
        let notCompiled = await code { _ = try await MLModel.load(contentsOf: package) }
        XCTAssertEqual(notCompiled, .io)
    }
}

final class ImageTests: XCTestCase {
    func testAnImagesBytesArriveByChannel() async throws {
        let model = try await load("colours")
        var made: CVPixelBuffer?
        CVPixelBufferCreate(nil, 3, 2, kCVPixelFormatType_32BGRA, nil, &made)
        let buffer = try XCTUnwrap(made)
        CVPixelBufferLockBaseAddress(buffer, [])
        let row = CVPixelBufferGetBytesPerRow(buffer)
        XCTAssertGreaterThan(row, 12)
        let base = try XCTUnwrap(CVPixelBufferGetBaseAddress(buffer))
        for pixel in 0..<6 {
            let at = base + pixel / 3 * row + pixel % 3 * 4
            let color = [UInt8(200 + pixel), UInt8(100 + pixel), UInt8(pixel), 255]
            at.copyMemory(from: color, byteCount: 4)
        }
        CVPixelBufferUnlockBaseAddress(buffer, [])
        XCTAssertNil(CVPixelBufferGetBaseAddress(buffer))
        let input = try MLDictionaryFeatureProvider(
            dictionary: ["image": MLFeatureValue(pixelBuffer: buffer)])
        let output = try await model.prediction(from: input)
        let expected = [0, 100, 200].flatMap { first in (0..<6).map { Double(first + $0) } }
        XCTAssertEqual(numbers(output.featureValue(for: "values")), expected)
        let constraint = model.modelDescription.inputDescriptionsByName["image"]?.imageConstraint
        XCTAssertEqual(constraint?.pixelsWide, 3)
        XCTAssertEqual(constraint?.pixelsHigh, 2)
        CVPixelBufferCreate(nil, 2, 3, kCVPixelFormatType_32BGRA, nil, &made)
        let turned = try MLDictionaryFeatureProvider(
            dictionary: ["image": MLFeatureValue(pixelBuffer: try XCTUnwrap(made))])
        let refused = await code { _ = try await model.prediction(from: turned) }
        XCTAssertEqual(refused, .featureType)
    }

    func testPlanesOfACameraImage() throws {
        var made: CVPixelBuffer?
        XCTAssertEqual(
            CVPixelBufferCreate(
                kCFAllocatorDefault, 5, 3, kCVPixelFormatType_420YpCbCr8BiPlanarFullRange, nil, &made),
            kCVReturnSuccess)
        let buffer = try XCTUnwrap(made)
        XCTAssertEqual(CVPixelBufferGetPlaneCount(buffer), 2)
        XCTAssertEqual(CVPixelBufferGetWidthOfPlane(buffer, 1), 3)
        XCTAssertEqual(CVPixelBufferGetHeightOfPlane(buffer, 1), 2)
        XCTAssertEqual(CVPixelBufferCreate(nil, 5, 3, 1, nil, &made), kCVReturnInvalidPixelFormat)
    }

    private func drawn(
        _ pixels: [UInt8], _ bitmapInfo: UInt32, bits: Int = 8, bitsPerPixel: Int = 32,
        _ space: CGColorSpace = CGColorSpaceCreateDeviceRGB()
    ) throws -> [UInt8] {
        let width = pixels.count * 8 / bitsPerPixel
        let provider = try XCTUnwrap(CGDataProvider(data: Data(pixels) as CFData))
        let image = try XCTUnwrap(
            CGImage(
                width: width, height: 1, bitsPerComponent: bits, bitsPerPixel: bitsPerPixel,
                bytesPerRow: pixels.count, space: space, bitmapInfo: CGBitmapInfo(rawValue: bitmapInfo),
                provider: provider, decode: nil, shouldInterpolate: false, intent: .defaultIntent))
        var result = [UInt8](repeating: 0, count: width * 4)
        try result.withUnsafeMutableBytes { bytes in
            let context = try XCTUnwrap(
                CGContext(
                    data: bytes.baseAddress, width: width, height: 1, bitsPerComponent: 8,
                    bytesPerRow: width * 4, space: try XCTUnwrap(CGColorSpace(name: CGColorSpace.sRGB)),
                    bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue))
            context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: 1))
        }
        return result
    }

    func testEveryOrderOfComponentsIsDrawn() throws {
        let little = CGBitmapInfo.byteOrder32Little.rawValue
        let alpha = CGImageAlphaInfo.self
        let last = alpha.premultipliedLast.rawValue
        let skipLast = alpha.noneSkipLast.rawValue
        XCTAssertEqual(try drawn([10, 20, 30, 255], last), [10, 20, 30, 255])
        XCTAssertEqual(try drawn([10, 20, 30, 7], skipLast), [10, 20, 30, 255])
        let first = alpha.premultipliedFirst.rawValue
        XCTAssertEqual(try drawn([255, 10, 20, 30], first), [10, 20, 30, 255])
        XCTAssertEqual(try drawn([30, 20, 10, 255], first | little), [10, 20, 30, 255])
        let skipFirst = alpha.noneSkipFirst.rawValue
        XCTAssertEqual(try drawn([30, 20, 10, 0], skipFirst | little), [10, 20, 30, 255])
        XCTAssertEqual(try drawn([255, 30, 20, 10], last | little), [10, 20, 30, 255])
        XCTAssertEqual(try drawn([200, 100, 0, 128], alpha.last.rawValue), [100, 50, 0, 128])
        XCTAssertEqual(try drawn([10, 20, 30], 0, bitsPerPixel: 24), [10, 20, 30, 255])
        let grey = CGColorSpaceCreateDeviceGray()
        XCTAssertEqual(
            try drawn([9, 200], 0, bitsPerPixel: 8, grey), [9, 9, 9, 255, 200, 200, 200, 255])
        let deep = try drawn([10, 99, 20, 99, 30, 99], 0, bits: 16, bitsPerPixel: 48)
        XCTAssertEqual(deep, [10, 20, 30, 255])
    }

    func testAWideColourSpaceIsConverted() throws {
        let wide = try XCTUnwrap(CGColorSpace(name: CGColorSpace.displayP3))
        let last = CGImageAlphaInfo.premultipliedLast.rawValue
        XCTAssertEqual(try drawn([128, 128, 128, 255], last, wide), [128, 128, 128, 255])
        XCTAssertEqual(try drawn([255, 0, 0, 255], last, wide), [255, 0, 0, 255])
        // sRGB's own red, as Display P3 has it.
        let red = try drawn([234, 51, 35, 255], last, wide)
        XCTAssertEqual(red[0], 255)
        XCTAssertLessThanOrEqual(red[1], 3)
        XCTAssertLessThanOrEqual(red[2], 3)
    }
}

final class FaultTests: XCTestCase {
    override func tearDown() {
        unsetenv("MOBILEKIT_CORE_ML_FAULTS")
    }

    private func answer(_ model: MLModel) throws -> [Double] {
        let input = try MLDictionaryFeatureProvider(dictionary: typed())
        return numbers(try model.prediction(from: input).featureValue(for: "f2"))
    }

    func testOnlyTheNamedUnitGoesWrong() async throws {
        setenv("MOBILEKIT_CORE_ML_FAULTS", "cpuAndGPU=throwsOnLoad,all=nan+drifts", 1)
        let refused = await code { _ = try await load("types", .cpuAndGPU) }
        XCTAssertEqual(refused, .generic)
        let right = try answer(try await load("types", .cpuAndNeuralEngine))
        XCTAssertEqual(right[0], 3)
        let wrong = try answer(try await load("types", .all))
        XCTAssertTrue(wrong[0].isNaN)
        XCTAssertEqual(wrong[1], -4.2, accuracy: 1e-6)
    }

    func testRuns() async throws {
        let model = try await load("types", .cpuAndNeuralEngine)
        setenv("MOBILEKIT_CORE_ML_FAULTS", "cpuAndNeuralEngine=throwsOnRun", 1)
        let refused = await code { _ = try self.answer(model) }
        XCTAssertEqual(refused, .generic)
        setenv("MOBILEKIT_CORE_ML_FAULTS", "cpuAndNeuralEngine=errsSometimes", 1)
        let firsts = try (0..<10).map { _ in try answer(model)[0] }
        XCTAssertEqual(firsts, [3, 3, 3, 3, 14, 3, 3, 3, 3, 14])
        setenv("MOBILEKIT_CORE_ML_FAULTS", "cpuAndNeuralEngine=slow:0.2", 1)
        let start = Date()
        _ = try answer(model)
        XCTAssertGreaterThanOrEqual(Date().timeIntervalSince(start), 0.2)
    }

    func testWhatHangsEndsWithItsTask() async throws {
        setenv("MOBILEKIT_CORE_ML_FAULTS", "all=hangsOnRun", 1)
        let run = Task { () -> MLModelError.Code? in
            let model = try await load("types", .all)
            let input = try MLDictionaryFeatureProvider(dictionary: typed())
            return await code { _ = try await model.prediction(from: input) }
        }
        try await Task.sleep(nanoseconds: 300_000_000)
        run.cancel()
        let ended = try await run.value
        XCTAssertEqual(ended, .predictionCancelled)
        setenv("MOBILEKIT_CORE_ML_FAULTS", "all=hangsOnLoad", 1)
        let loading = Task { _ = try await load("types", .all) }
        try await Task.sleep(nanoseconds: 300_000_000)
        loading.cancel()
        let loaded = await loading.result
        XCTAssertThrowsError(try loaded.get())
    }
}
