import CoreGraphics
import CoreVideo
import Foundation
import XCTest

@testable import Pixels

private let height = 37
private let width = 53

final class ImageTests: XCTestCase {
    private let picture = Picture(
        height: height, width: width,
        bytes: (0..<height * width).flatMap { pixel in
            let number = pixel &* 7_654_321
            return [
                UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8),
                UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: pixel),
            ]
        })
    private let converter = ImageConverter(plainSpec())
    private let deviceRGB = CGColorSpaceCreateDeviceRGB()

    /// The picture's red, green and blue.
    private var original: [Float] {
        picture.bytes.indices.filter { $0 % 4 != 3 }.map { Float(picture.bytes[$0]) }
    }

    func testEveryOrderOfBytesIsExact() throws {
        let rgb = [0, 1, 2]
        for (alpha, order) in [
            (CGImageAlphaInfo.last, rgb + [3]), (.noneSkipLast, rgb + [3]), (.first, [3] + rgb),
            (.noneSkipFirst, [3] + rgb),
        ] {
            for (byteOrder, bytes) in [
                (CGBitmapInfo(), order), (.byteOrder32Big, order),
                (.byteOrder32Little, order.reversed()),
            ] {
                for space in [CGColorSpace(name: CGColorSpace.sRGB)!, deviceRGB] {
                    let image = picture.image(
                        order: bytes, alpha: alpha, byteOrder: byteOrder, space: space)
                    XCTAssertEqual(try converter.convert(image), original, "\(alpha) \(byteOrder)")
                }
            }
        }
    }

    /// What is multiplied by alpha in whole numbers comes back to within the rounding.
    func testMultipliedColoursAreDivided() throws {
        let multiplied = Picture(
            height: height, width: width,
            bytes: picture.bytes.indices.map { place in
                let alpha = Int(picture.bytes[place / 4 * 4 + 3])
                let value = Int(picture.bytes[place])
                return place % 4 == 3 ? UInt8(alpha) : UInt8((value * alpha + 127) / 255)
            })
        for (alpha, byteOrder, order) in [
            (CGImageAlphaInfo.premultipliedLast, CGBitmapInfo(), [0, 1, 2, 3]),
            (.premultipliedLast, .byteOrder32Little, [3, 2, 1, 0]),
            (.premultipliedFirst, [], [3, 0, 1, 2]),
            (.premultipliedFirst, .byteOrder32Little, [2, 1, 0, 3]),
        ] {
            let values = try converter.convert(
                multiplied.image(order: order, alpha: alpha, byteOrder: byteOrder))
            for place in values.indices {
                let alpha = Float(picture.bytes[place / 3 * 4 + 3])
                if alpha == 0 {
                    XCTAssertEqual(values[place], 0)
                } else {
                    let error = abs(values[place] - original[place])
                    XCTAssertLessThanOrEqual(error, 127.5 / alpha + 0.5)
                }
            }
        }
    }

    /// The stand-in reads this image's bytes as they are, so that drawing changes nothing.
    func testWhatCannotBeReadIsDrawn() throws {
        let decode: [CGFloat] = [0, 1, 0, 1, 0, 1]
        try decode.withUnsafeBufferPointer {
            let image = picture.image(
                order: [0, 1, 2, 3], alpha: .noneSkipLast, decode: $0.baseAddress)
            XCTAssertEqual(try converter.convert(image), original)
        }
        let grey = picture.image(
            order: [1, 3], alpha: .last, space: CGColorSpaceCreateDeviceGray())
        let values = try converter.convert(grey)
        for place in values.indices where picture.bytes[place / 3 * 4 + 3] == 255 {
            XCTAssertEqual(values[place], Float(picture.bytes[place / 3 * 4 + 1]))
        }
    }

    /// The high byte and the low one are the same, so that 16 bits are exactly the 8.
    func testSixteenBitsAreDrawn() throws {
        let wide = Data(picture.bytes.flatMap { [$0, $0] })
        let image = try XCTUnwrap(
            CGImage(
                width: width, height: height, bitsPerComponent: 16, bitsPerPixel: 64,
                bytesPerRow: width * 8, space: deviceRGB,
                bitmapInfo: [
                    CGBitmapInfo(rawValue: CGImageAlphaInfo.noneSkipLast.rawValue),
                    .byteOrder16Little,
                ],
                provider: try XCTUnwrap(CGDataProvider(data: wide as CFData)), decode: nil,
                shouldInterpolate: false, intent: .defaultIntent))
        XCTAssertEqual(try converter.convert(image), original)
    }

    func testAlphaAloneIsGrey() throws {
        let image = picture.image(
            order: [3], alpha: .alphaOnly, space: CGColorSpaceCreateDeviceGray())
        let alpha = original.indices.map { Float(picture.bytes[$0 / 3 * 4 + 3]) }
        XCTAssertEqual(try converter.convert(image), alpha)
    }

    /// Display P3's (234, 51, 35) is sRGB's pure red.
    func testAnotherColourSpaceBecomesSRGB() throws {
        let red = Picture(height: 1, width: 1, bytes: [234, 51, 35, 255])
        let space = try XCTUnwrap(CGColorSpace(name: CGColorSpace.displayP3))
        let image = red.image(order: [0, 1, 2, 3], alpha: .noneSkipLast, space: space)
        let values = try ImageConverter(plainSpec(height: 1, width: 1)).convert(image)
        for (value, expected) in zip(values, [255, 0, 0]) {
            XCTAssertEqual(value, Float(expected), accuracy: 2)
        }
    }

    func testABufferIsLeftUnlocked() throws {
        let buffer = picture.buffer(kCVPixelFormatType_32BGRA, order: [2, 1, 0, 3])
        XCTAssertEqual(try converter.convert(buffer), original)
        XCTAssertNil(CVPixelBufferGetBaseAddress(buffer))
    }

    func testABufferOfAnotherFormatIsRefused() {
        for (format, name) in [
            (kCVPixelFormatType_OneComponent32Float, "'L00f'"), (kCVPixelFormatType_24RGB, "24"),
        ] {
            let buffer = picture.pixelBuffer(format)
            XCTAssertThrowsError(try converter.convert(buffer)) { error in
                XCTAssertEqual(
                    error as? ModelError,
                    .invalidInput(
                        "A pixel buffer of the format \(name) cannot be read. Ask for 32BGRA, "
                            + "32RGBA, 32ARGB, OneComponent8 or 420YpCbCr8BiPlanar."))
            }
            XCTAssertNil(CVPixelBufferGetBaseAddress(buffer))
        }
    }

    func testPixelsThatAreNoRectangleAreRefused() {
        let pixels = [UInt32](repeating: 0, count: 16)
        for (height, width) in [(4, 5), (0, 0), (-4, -4), (Int.max, Int.max), (1 << 62, 4)] {
            XCTAssertThrowsError(try converter.convert(pixels, height: height, width: width)) {
                XCTAssertEqual(
                    $0 as? ModelError,
                    .invalidInput("\(height) rows of \(width) pixels cannot be 16 pixels."))
            }
        }
    }

    func testManyTasksMayUseOneConverter() async throws {
        let (converter, picture, original) = (converter, picture, original)
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try converter.convert(picture.pixels, height: height, width: width)
                }
            }
            for try await values in group { XCTAssertEqual(values, original) }
        }
    }

    func testAudioOfAnotherLengthIsRefused() {
        let converter = AudioConverter(count: 4)
        let refused = ModelError.invalidInput("The input has 4 audio samples, not 3.")
        XCTAssertThrowsError(try converter.convert([Int16](repeating: 0, count: 3))) {
            XCTAssertEqual($0 as? ModelError, refused)
        }
        XCTAssertThrowsError(try converter.convert([Float](repeating: 0, count: 3))) {
            XCTAssertEqual($0 as? ModelError, refused)
        }
    }
}

/// A spec that changes no pixel.
private func plainSpec(height: Int = height, width: Int = width) -> ImageSpec {
    ImageSpec(
        height: height, width: width, color: .rgb, scale: [1, 1, 1], offset: [0, 0, 0],
        pad: [0, 0, 0])
}
