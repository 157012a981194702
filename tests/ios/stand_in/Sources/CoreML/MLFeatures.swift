// A stand-in for Core ML's features and their descriptions.

import AppleTypes
import CoreVideo

public enum MLFeatureType: Int, Sendable {
    case invalid = 0
    case int64 = 1
    case double = 2
    case string = 3
    case image = 4
    case multiArray = 5
    case dictionary = 6
    case sequence = 7
}

open class MLFeatureValue: NSObject {
    public let type: MLFeatureType
    private let value: Any?

    public var isUndefined: Bool { value == nil }
    public var int64Value: Int64 { value as? Int64 ?? 0 }
    public var doubleValue: Double { value as? Double ?? 0 }
    public var stringValue: String { value as? String ?? "" }
    public var multiArrayValue: MLMultiArray? { value as? MLMultiArray }
    public var imageBufferValue: CVPixelBuffer? { value as? CVPixelBuffer }
    public var dictionaryValue: [AnyHashable: NSNumber] {
        value as? [AnyHashable: NSNumber] ?? [:]
    }

    public init(int64 value: Int64) {
        type = .int64
        self.value = value
    }

    public init(double value: Double) {
        type = .double
        self.value = value
    }

    public init(string value: String) {
        type = .string
        self.value = value
    }

    public init(multiArray value: MLMultiArray) {
        type = .multiArray
        self.value = value
    }

    public init(pixelBuffer value: CVPixelBuffer) {
        type = .image
        self.value = value
    }

    public init(dictionary value: [AnyHashable: NSNumber]) throws {
        type = .dictionary
        self.value = value
    }

    public init(undefined type: MLFeatureType) {
        self.type = type
        value = nil
    }
}

public protocol MLFeatureProvider: AnyObject {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    public let dictionary: [String: MLFeatureValue]

    public var featureNames: Set<String> { Set(dictionary.keys) }

    public init(dictionary: [String: Any]) throws {
        self.dictionary = try dictionary.mapValues { value in
            switch value {
            case let value as MLFeatureValue: return value
            case let value as MLMultiArray: return MLFeatureValue(multiArray: value)
            case let value as CVPixelBuffer: return MLFeatureValue(pixelBuffer: value)
            case let value as Int: return MLFeatureValue(int64: Int64(value))
            case let value as Double: return MLFeatureValue(double: value)
            case let value as String: return MLFeatureValue(string: value)
            default: throw MLModelError(.featureType, "\(value) cannot be a feature's value.")
            }
        }
    }

    public func featureValue(for featureName: String) -> MLFeatureValue? {
        dictionary[featureName]
    }

    public subscript(featureName: String) -> MLFeatureValue? {
        dictionary[featureName]
    }
}

public protocol MLBatchProvider: AnyObject {
    var count: Int { get }
    func features(at index: Int) -> any MLFeatureProvider
}

open class MLArrayBatchProvider: NSObject, MLBatchProvider {
    public let array: [any MLFeatureProvider]

    public var count: Int { array.count }

    public init(array: [any MLFeatureProvider]) {
        self.array = array
    }

    public func features(at index: Int) -> any MLFeatureProvider {
        array[index]
    }
}

open class MLMultiArrayConstraint: NSObject {
    public let shape: [NSNumber]
    public let dataType: MLMultiArrayDataType

    init(shape: [Int], dataType: MLMultiArrayDataType) {
        self.shape = shape.map { NSNumber(value: $0) }
        self.dataType = dataType
    }
}

open class MLImageConstraint: NSObject {
    public let pixelsHigh: Int
    public let pixelsWide: Int
    public let pixelFormatType: OSType

    init(pixelsHigh: Int, pixelsWide: Int, pixelFormatType: OSType) {
        self.pixelsHigh = pixelsHigh
        self.pixelsWide = pixelsWide
        self.pixelFormatType = pixelFormatType
    }
}

open class MLFeatureDescription: NSObject {
    public let name: String
    public let type: MLFeatureType
    public let isOptional: Bool
    public let multiArrayConstraint: MLMultiArrayConstraint?
    public let imageConstraint: MLImageConstraint?

    init(_ described: Described) throws {
        name = described.name
        isOptional = described.optional
        if let image = described.image {
            type = .image
            multiArrayConstraint = nil
            imageConstraint = MLImageConstraint(
                pixelsHigh: image.height, pixelsWide: image.width,
                pixelFormatType: image.grey
                    ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA)
        } else {
            guard let dataType = MLMultiArrayDataType(name: described.dtype) else {
                throw MLModelError(.io, "\(described.dtype) is no type of multi-arrays.")
            }
            type = .multiArray
            imageConstraint = nil
            multiArrayConstraint = MLMultiArrayConstraint(
                shape: described.shape, dataType: dataType)
        }
    }

    /// Whether a value has the type, the shape and the size that are described here.
    public func isAllowedValue(_ value: MLFeatureValue) -> Bool {
        problem(with: value) == nil
    }

    func problem(with value: MLFeatureValue) -> String? {
        if let constraint = multiArrayConstraint {
            guard let array = value.multiArrayValue else { return "it is no multi-array" }
            if array.shape != constraint.shape {
                return "its shape is \(array.sizes), not \(constraint.shape.map(\.intValue))"
            }
        }
        if let constraint = imageConstraint {
            guard let image = value.imageBufferValue else { return "it is no image" }
            let size = (CVPixelBufferGetWidth(image), CVPixelBufferGetHeight(image))
            if size != (constraint.pixelsWide, constraint.pixelsHigh) {
                return "it is \(size.0) × \(size.1) pixels, not "
                    + "\(constraint.pixelsWide) × \(constraint.pixelsHigh)"
            }
        }
        return nil
    }
}

public struct MLModelMetadataKey: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public static let description = MLModelMetadataKey(rawValue: "MLModelDescriptionKey")
    public static let versionString = MLModelMetadataKey(rawValue: "MLModelVersionStringKey")
    public static let author = MLModelMetadataKey(rawValue: "MLModelAuthorKey")
    public static let license = MLModelMetadataKey(rawValue: "MLModelLicenseKey")
    public static let creatorDefinedKey = MLModelMetadataKey(
        rawValue: "MLModelCreatorDefinedKey")
}

open class MLModelDescription: NSObject {
    public let inputDescriptionsByName: [String: MLFeatureDescription]
    public let outputDescriptionsByName: [String: MLFeatureDescription]
    public let metadata: [MLModelMetadataKey: Any]

    init(_ answer: Description) throws {
        func byName(_ described: [Described]) throws -> [String: MLFeatureDescription] {
            Dictionary(
                uniqueKeysWithValues: try described.map { ($0.name, try MLFeatureDescription($0)) })
        }
        inputDescriptionsByName = try byName(answer.inputs)
        outputDescriptionsByName = try byName(answer.outputs)
        metadata = [.creatorDefinedKey: answer.metadata]
    }
}
