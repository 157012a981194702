// A stand-in for Core ML's models. A Python process answers their predictions with the project's own
// evaluator; nothing here knows a GPU or a Neural Engine. The compute units are names, and each can
// be told to go wrong.

import AppleTypes
import CoreVideo

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly = 0
    case cpuAndGPU = 1
    case all = 2
    @available(iOS 16, macOS 13, *) case cpuAndNeuralEngine = 3

    var name: String {
        switch self {
        case .cpuOnly: "cpuOnly"
        case .cpuAndGPU: "cpuAndGPU"
        case .all: "all"
        case .cpuAndNeuralEngine: "cpuAndNeuralEngine"
        }
    }
}

open class MLModelConfiguration: NSObject, NSCopying {
    open var modelDisplayName: String?
    open var computeUnits = MLComputeUnits.all
    open var allowLowPrecisionAccumulationOnGPU = false
    open var functionName: String?

    public override init() {}

    public func copy(with zone: NSZone? = nil) -> Any {
        let copy = MLModelConfiguration()
        copy.modelDisplayName = modelDisplayName
        copy.computeUnits = computeUnits
        copy.allowLowPrecisionAccumulationOnGPU = allowLowPrecisionAccumulationOnGPU
        copy.functionName = functionName
        return copy
    }
}

open class MLPredictionOptions: NSObject {
    @available(iOS 16, macOS 11, *) open var outputBackings: [String: Any] = [:]

    public override init() {}
}

public let MLModelErrorDomain = "com.apple.CoreML"

public struct MLModelError: Error, CustomNSError, LocalizedError {
    public enum Code: Int, Sendable {
        case generic = 0
        case featureType = 1
        case io = 3
        case customLayer = 4
        case customModel = 5
        case update = 6
        case parameters = 7
        case modelDecryptionKeyFetch = 8
        case modelDecryption = 9
        case modelCollection = 10
        @available(iOS 17, macOS 14, *) case predictionCancelled = 11
    }

    public static var errorDomain: String { MLModelErrorDomain }
    public static var generic: Code { .generic }
    public static var featureType: Code { .featureType }
    public static var io: Code { .io }
    public static var parameters: Code { .parameters }
    public static var predictionCancelled: Code { .predictionCancelled }

    public let code: Code
    private let text: String

    public init(_ code: Code, userInfo: [String: Any] = [:]) {
        self.code = code
        text = userInfo[NSLocalizedDescriptionKey] as? String ?? "\(code)"
    }

    init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }

    public var errorCode: Int { code.rawValue }
    public var errorDescription: String? { text }
    public var errorUserInfo: [String: Any] { [NSLocalizedDescriptionKey: text] }
}

/// Not `Sendable`, as Apple's is not.
open class MLModel: NSObject {
    public let modelDescription: MLModelDescription
    public let configuration: MLModelConfiguration
    private let key: String
    private let faults: Faults

    public convenience init(contentsOf url: URL) throws {
        try self.init(contentsOf: url, configuration: MLModelConfiguration())
    }

    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
        faults = Faults(of: configuration.computeUnits)
        try faults.load()
        guard url.pathExtension == "mlmodelc" else {
            throw MLModelError(
                .io, "\(url.lastPathComponent) is no compiled model; compile it first.")
        }
        let answer = try Server.describe(url.appendingPathComponent("model.mlpackage"))
        key = answer.key
        modelDescription = try MLModelDescription(answer)
        self.configuration = configuration
    }

    public class func load(
        contentsOf url: URL, configuration: MLModelConfiguration = MLModelConfiguration()
    ) async throws -> MLModel {
        try await Faults(of: configuration.computeUnits).loadLater()
        return try MLModel(contentsOf: url, configuration: configuration)
    }

    @available(iOS, deprecated: 100000, message: "Use the asynchronous interface.")
    public class func compileModel(at modelURL: URL) throws -> URL {
        try compile(modelURL)
    }

    public class func compileModel(at modelURL: URL) async throws -> URL {
        try compile(modelURL)
    }

    public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        try prediction(from: input, options: MLPredictionOptions())
    }

    public func prediction(
        from input: any MLFeatureProvider, options: MLPredictionOptions
    ) throws -> any MLFeatureProvider {
        try faults.run()
        return try answer(to: input, options)
    }

    @available(iOS 17, macOS 14, *)
    public func prediction(
        from input: any MLFeatureProvider, options: MLPredictionOptions = MLPredictionOptions()
    ) async throws -> any MLFeatureProvider {
        do {
            try Task.checkCancellation()
            try await faults.runLater()
        } catch is CancellationError {
            throw MLModelError(.predictionCancelled, "The prediction was cancelled.")
        }
        return try answer(to: input, options)
    }

    public func predictions(
        from inputBatch: any MLBatchProvider, options: MLPredictionOptions
    ) throws -> any MLBatchProvider {
        MLArrayBatchProvider(
            array: try (0..<inputBatch.count).map {
                try prediction(from: inputBatch.features(at: $0), options: options)
            })
    }

    public func predictions(fromBatch inputBatch: any MLBatchProvider) throws -> any MLBatchProvider
    {
        try predictions(from: inputBatch, options: MLPredictionOptions())
    }

    /// The "compiled" model is a folder with a copy of the package, at a new place, as on a device.
    private class func compile(_ package: URL) throws -> URL {
        _ = try Server.describe(package)
        let name = package.deletingPathExtension().lastPathComponent
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "\(name)_\(UUID().uuidString).mlmodelc")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: package, to: folder.appendingPathComponent("model.mlpackage"))
        return folder
    }

    private func answer(
        to input: any MLFeatureProvider, _ options: MLPredictionOptions
    ) throws -> any MLFeatureProvider {
        var tensors: [Tensor] = []
        var payload = Data()
        for (name, description) in modelDescription.inputDescriptionsByName.sorted(by: {
            $0.key < $1.key
        }) {
            guard let value = input.featureValue(for: name) else {
                if description.isOptional { continue }
                throw MLModelError(.featureType, "The input \(name) is missing.")
            }
            if let problem = description.problem(with: value) {
                throw MLModelError(.featureType, "The input \(name) is wrong: \(problem).")
            }
            let (tensor, bytes) = try sent(name, value)
            tensors.append(tensor)
            payload.append(bytes)
        }
        let (outputs, bytes) = try Server.predict(key, tensors, payload)
        var start = bytes.startIndex
        var values: [String: Any] = [:]
        for output in outputs {
            guard let dataType = MLMultiArrayDataType(name: output.dtype) else {
                throw MLModelError(.generic, "The output \(output.name) is \(output.dtype).")
            }
            let shape = output.shape.map { NSNumber(value: $0) }
            let backing = options.outputBackings[output.name] as? MLMultiArray
            if let backing, backing.shape != shape || backing.dataType != dataType {
                throw MLModelError(
                    .parameters, "The backing of the output \(output.name) does not suit it.")
            }
            let array = try backing ?? MLMultiArray(shape: shape, dataType: dataType)
            let size = output.shape.reduce(1, *) * dataType.byteCount
            array.unpack(bytes.subdata(in: start..<start + size))
            start += size
            values[output.name] = array
        }
        faults.spoil(values.values.compactMap { $0 as? MLMultiArray })
        return try MLDictionaryFeatureProvider(dictionary: values)
    }

    private func sent(_ name: String, _ value: MLFeatureValue) throws -> (Tensor, Data) {
        if let array = value.multiArrayValue {
            let tensor = Tensor(name: name, dtype: array.dataType.name, shape: array.sizes)
            return (tensor, array.packed)
        }
        guard let image = value.imageBufferValue else {
            throw MLModelError(.featureType, "The input \(name) is neither array nor image.")
        }
        let components: [OSType: Int] = [
            kCVPixelFormatType_OneComponent8: 1, kCVPixelFormatType_32BGRA: 4,
        ]
        guard let count = components[CVPixelBufferGetPixelFormatType(image)] else {
            throw MLModelError(.featureType, "The stand-in reads BGRA and one component only.")
        }
        CVPixelBufferLockBaseAddress(image, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(image, .readOnly) }
        let (width, height) = (CVPixelBufferGetWidth(image), CVPixelBufferGetHeight(image))
        var bytes = Data(capacity: width * height * count)
        for y in 0..<height {
            let row =
                CVPixelBufferGetBaseAddress(image)! + y * CVPixelBufferGetBytesPerRow(image)
            bytes.append(Data(bytes: row, count: width * count))
        }
        return (Tensor(name: name, dtype: "uint8", shape: [height, width, count]), bytes)
    }
}
