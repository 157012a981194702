import CoreML
import XCTest

@testable import Models

final class ArrayTests: XCTestCase {
    func testEveryHalfIsTheFloatThatItStandsFor() {
        for bits in UInt16.min...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let found = float(fromHalf: bits)
            if expected.isNaN {
                XCTAssertTrue(found.isNaN)
            } else if found.bitPattern != expected.bitPattern {
                return XCTFail("\(bits): \(found), not \(expected)")
            }
        }
    }

    func testEveryFloatBecomesTheNearestHalf() {
        // All of their upper bits, with lower ones that lie on both sides of a half's middle.
        for upper in UInt32(0)...0xffff {
            for lower: UInt32 in [0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0xffff] {
                let value = Float(bitPattern: upper << 16 | lower)
                let expected = Float16(value)
                let found = Float16(bitPattern: half(from: value))
                if expected.isNaN ? !found.isNaN : expected.bitPattern != found.bitPattern {
                    return XCTFail("\(value): \(found), not \(expected)")
                }
            }
        }
    }

    func testRowsMayHaveRoomBetweenThem() throws {
        for (shape, strides) in [
            ([2, 3, 4], [12, 4, 1]), ([2, 3, 4], [96, 32, 1]), ([2, 3, 4], [1, 2, 6]),
            ([1, 3, 1, 5], [500, 7, 99, 1]), ([4], [3]), ([1], [1]),
        ] {
            let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: last + 1)
            memory.initialize(repeating: -1, count: last + 1)
            defer { memory.deallocate() }
            let array = try MLMultiArray(
                dataPointer: memory, shape: shape.map { NSNumber(value: $0) }, dataType: .float32,
                strides: strides.map { NSNumber(value: $0) })
            let values = (0..<array.count).map { Float($0) }
            try array.fill(.float32(values))
            XCTAssertEqual((0..<array.count).map { array[$0].floatValue }, values)
            XCTAssertEqual(try array.values(), .float32(values))
            let untouched = (0...last).filter { memory[$0] == -1 }.count
            XCTAssertEqual(untouched, last + 1 - array.count)
        }
    }

    func testValuesBecomeTheArraysType() throws {
        let values: [Float] = [0, -1.5, 65504, 0x1p-24, 3]
        for type in [MLMultiArrayDataType.float32, .float16, .double] {
            let array = try MLMultiArray(shape: [1, 5], dataType: type)
            try array.fill(.float32(values))
            XCTAssertEqual(try array.values(), .float32(values))
        }
        let array = try MLMultiArray(shape: [3], dataType: .int32)
        try array.fill(.int32([.min, 0, .max]))
        XCTAssertEqual(try array.values(), .int32([.min, 0, .max]))
        XCTAssertThrowsError(try array.fill(.float32([1, 2, 3])))
        XCTAssertThrowsError(try array.fill(.int32([1, 2])))
    }
}
