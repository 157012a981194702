import Foundation

@testable import Pixels

/// Reads what the tests in Python write, little-endian.
struct Reader {
    private let data: Data
    private var place = 0

    init(_ data: Data) {
        self.data = data
    }

    mutating func int() -> Int { Int(number(of: Int32.self)) }

    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float(bitPattern: number(of: UInt32.self)) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { place += count }
        return [UInt8](data[place..<place + count])
    }

    mutating func samples(_ count: Int) -> [Int16] {
        (0..<count).map { _ in number(of: Int16.self) }
    }

    mutating func spec() -> ImageSpec {
        let color = [ImageColor.grayscale, .rgb, .bgr][int()]
        let resize = [ImageResize.bilinear, .bilinearAntialias, .nearest][int()]
        let fit = [ImageFit.stretch, .crop, .pad][int()]
        let range: ClosedRange<Float>? = [nil, 0...255, -128...127][int()]
        let isChannelsFirst = int() == 1
        return ImageSpec(
            height: int(), width: int(), color: color, channelsFirst: isChannelsFirst,
            resize: resize, fit: fit, scale: floats(color.channels),
            offset: floats(color.channels), pad: floats(color.channels), wholeNumbers: range)
    }

    private mutating func number<Number: FixedWidthInteger>(of type: Number.Type) -> Number {
        defer { place += MemoryLayout<Number>.size }
        let number = data.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: place, as: Number.self)
        }
        return Number(littleEndian: number)
    }
}
