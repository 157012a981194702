// A stand-in for Core ML's arrays.

@_exported import AppleTypes
@_exported import CoreVideo

public enum MLMultiArrayDataType: Int, Sendable {
    case double = 0x10040
    case float32 = 0x10020
    @available(iOS 16, macOS 12, *) case float16 = 0x10010
    case int32 = 0x20020
    @available(iOS 26, macOS 26, *) case int8 = 0x20008

    public static var float64: MLMultiArrayDataType { .double }
    public static var float: MLMultiArrayDataType { .float32 }

    var byteCount: Int { (rawValue & 0xFF) / 8 }

    /// NumPy's name.
    var name: String {
        switch self {
        case .double: "float64"
        case .float32: "float32"
        case .float16: "float16"
        case .int32: "int32"
        case .int8: "int8"
        }
    }

    init?(name: String) {
        let all: [MLMultiArrayDataType] = [.double, .float32, .float16, .int32, .int8]
        guard let found = all.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// Swift's types of elements.
public protocol MLShapedArrayScalar {
    static var multiArrayDataType: MLMultiArrayDataType { get }
}

extension Double: MLShapedArrayScalar {
    public static var multiArrayDataType: MLMultiArrayDataType { .double }
}
extension Float: MLShapedArrayScalar {
    public static var multiArrayDataType: MLMultiArrayDataType { .float32 }
}
extension Int32: MLShapedArrayScalar {
    public static var multiArrayDataType: MLMultiArrayDataType { .int32 }
}
extension Float16: MLShapedArrayScalar {
    public static var multiArrayDataType: MLMultiArrayDataType { .float16 }
}

/// Not `Sendable`, as Apple's is not.
open class MLMultiArray: NSObject {
    public let dataPointer: UnsafeMutableRawPointer
    public let dataType: MLMultiArrayDataType
    public let shape: [NSNumber]
    public let strides: [NSNumber]
    private let deallocator: (UnsafeMutableRawPointer) -> Void

    public var count: Int { sizes.reduce(1, *) }
    var sizes: [Int] { shape.map(\.intValue) }
    var steps: [Int] { strides.map(\.intValue) }

    public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        let sizes = shape.map(\.intValue)
        guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else {
            throw MLModelError(.parameters, "A multi-array of the shape \(sizes) has no elements.")
        }
        let bytes = sizes.reduce(1, *) * dataType.byteCount
        dataPointer = .allocate(byteCount: bytes, alignment: 64)
        dataPointer.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        deallocator = { $0.deallocate() }
        self.shape = shape
        self.dataType = dataType
        strides = contiguousStrides(sizes).map { NSNumber(value: $0) }
    }

    public init(
        dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType,
        strides: [NSNumber], deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
    ) throws {
        guard shape.count == strides.count, shape.allSatisfy({ $0.intValue > 0 }) else {
            throw MLModelError(
                .parameters, "The shape \(shape) does not go with the strides \(strides).")
        }
        self.dataPointer = dataPointer
        self.shape = shape
        self.dataType = dataType
        self.strides = strides
        self.deallocator = deallocator ?? { _ in }
    }

    deinit {
        deallocator(dataPointer)
    }

    public subscript(idx: Int) -> NSNumber {
        get { number(at: offset(ofElement: idx)) }
        set { store(newValue, at: offset(ofElement: idx)) }
    }

    public subscript(key: [NSNumber]) -> NSNumber {
        get { number(at: offset(key)) }
        set { store(newValue, at: offset(key)) }
    }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: dataPointer, count: byteCount))
    }

    public func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
    ) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: dataPointer, count: byteCount), steps)
    }

    public func withUnsafeBufferPointer<S: MLShapedArrayScalar, R>(
        ofType type: S.Type, _ body: (UnsafeBufferPointer<S>) throws -> R
    ) rethrows -> R {
        precondition(type.multiArrayDataType == dataType, "The array holds \(dataType.name).")
        return try withUnsafeBytes { try body($0.bindMemory(to: type)) }
    }

    public func withUnsafeMutableBufferPointer<S: MLShapedArrayScalar, R>(
        ofType type: S.Type, _ body: (UnsafeMutableBufferPointer<S>, [Int]) throws -> R
    ) rethrows -> R {
        precondition(type.multiArrayDataType == dataType, "The array holds \(dataType.name).")
        return try withUnsafeMutableBytes { try body($0.bindMemory(to: type), $1) }
    }

    /// The bytes from the first element to the last, those between rows included.
    private var byteCount: Int {
        let last = zip(sizes, steps).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
        return (last + 1) * dataType.byteCount
    }

    /// The elements' bytes in row-major order, whatever the strides are.
    var packed: Data {
        var result = Data(capacity: count * dataType.byteCount)
        eachRow { result.append(Data(bytes: $0, count: $1 * dataType.byteCount)) }
        return result
    }

    func unpack(_ data: Data) {
        var start = data.startIndex
        eachRow { pointer, elements in
            let bytes = elements * dataType.byteCount
            data[start..<start + bytes].withUnsafeBytes {
                pointer.copyMemory(from: $0.baseAddress!, byteCount: bytes)
            }
            start += bytes
        }
    }

    /// Goes through runs of elements that lie beside each other.
    private func eachRow(_ body: (UnsafeMutableRawPointer, Int) -> Void) {
        if steps == contiguousStrides(sizes) {
            body(dataPointer, count)
            return
        }
        for element in 0..<count {
            body(dataPointer + offset(ofElement: element) * dataType.byteCount, 1)
        }
    }

    private func offset(_ key: [NSNumber]) -> Int {
        precondition(key.count == shape.count, "The array has \(shape.count) dimensions.")
        var result = 0
        for (index, (size, step)) in zip(key, zip(sizes, steps)) {
            precondition((0..<size).contains(index.intValue), "\(index) is not below \(size).")
            result += index.intValue * step
        }
        return result
    }

    private func offset(ofElement index: Int) -> Int {
        precondition((0..<count).contains(index), "\(index) is not below \(count).")
        var rest = index
        var result = 0
        for (size, step) in zip(sizes, steps).reversed() {
            result += rest % size * step
            rest /= size
        }
        return result
    }

    private func number(at offset: Int) -> NSNumber {
        let pointer = dataPointer + offset * dataType.byteCount
        switch dataType {
        case .double: return NSNumber(value: pointer.load(as: Double.self))
        case .float32: return NSNumber(value: pointer.load(as: Float.self))
        case .float16: return NSNumber(value: Float(pointer.load(as: Float16.self)))
        case .int32: return NSNumber(value: pointer.load(as: Int32.self))
        case .int8: return NSNumber(value: pointer.load(as: Int8.self))
        }
    }

    private func store(_ value: NSNumber, at offset: Int) {
        let pointer = dataPointer + offset * dataType.byteCount
        switch dataType {
        case .double: pointer.storeBytes(of: value.doubleValue, as: Double.self)
        case .float32: pointer.storeBytes(of: value.floatValue, as: Float.self)
        case .float16: pointer.storeBytes(of: Float16(value.floatValue), as: Float16.self)
        case .int32: pointer.storeBytes(of: value.int32Value, as: Int32.self)
        case .int8: pointer.storeBytes(of: value.int8Value, as: Int8.self)
        }
    }
}

private func contiguousStrides(_ sizes: [Int]) -> [Int] {
    var strides = sizes
    var step = 1
    for index in sizes.indices.reversed() {
        strides[index] = step
        step *= sizes[index]
    }
    return strides
}
