import CoreGraphics
import CoreVideo
import Foundation
import XCTest

@testable import Pixels

/// Converts the images and the audio in one file, and writes the values to another.
final class AnswersTests: XCTestCase {
    func testAnswers() throws {
        let folder = URL(
            fileURLWithPath: try XCTUnwrap(ProcessInfo.processInfo.environment["PREPROCESSING"]))
        var source = Reader(try Data(contentsOf: folder.appendingPathComponent("questions.bin")))
        var answers = Data()
        try answerImages(&source, &answers)
        try answerAudio(&source, &answers)
        try answers.write(to: folder.appendingPathComponent("answers.bin"))
    }

    private func answerImages(_ source: inout Reader, _ answers: inout Data) throws {
        let pictures = (0..<source.int()).map { _ in
            let (height, width) = (source.int(), source.int())
            return Picture(height: height, width: width, bytes: source.bytes(height * width * 4))
        }
        let pixels = pictures.map(\.pixels)
        for _ in 0..<source.int() {
            let (index, form) = (source.int(), source.int())
            let picture = pictures[index]
            let converter = ImageConverter(source.spec())
            let values =
                if form == 0 {
                    try converter.convert(
                        pixels[index], height: picture.height, width: picture.width)
                } else {
                    try convert(picture, as: form, converter)
                }
            values.withUnsafeBytes { answers.append(contentsOf: $0) }
        }
    }

    /// In the order of `FORMS` in Python.
    private func convert(
        _ picture: Picture, as form: Int, _ converter: ImageConverter
    ) throws -> [Float] {
        switch form {
        case 1: try converter.convert(picture.image(order: [0, 1, 2, 3], alpha: .last))
        case 2:
            try converter.convert(
                picture.image(
                    order: [2, 1, 0, 3], alpha: .first, byteOrder: .byteOrder32Little))
        case 3: try converter.convert(picture.image(order: [0, 1, 2], alpha: .none))
        case 4:
            try converter.convert(
                picture.image(
                    order: [0], alpha: .none, space: CGColorSpaceCreateDeviceGray()))
        case 5:
            try converter.convert(
                picture.buffer(kCVPixelFormatType_32BGRA, order: [2, 1, 0, 3]))
        case 6:
            try converter.convert(
                picture.buffer(kCVPixelFormatType_32RGBA, order: [0, 1, 2, 3]))
        case 7:
            try converter.convert(
                picture.buffer(kCVPixelFormatType_32ARGB, order: [3, 0, 1, 2]))
        case 8:
            try converter.convert(
                picture.buffer(kCVPixelFormatType_OneComponent8, order: [0]))
        case 9:
            try converter.convert(
                picture.lumaAndChroma(kCVPixelFormatType_420YpCbCr8BiPlanarFullRange))
        case 10:
            try converter.convert(
                picture.lumaAndChroma(kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange))
        default: try convertBT709(picture, isFullRange: form == 11, converter)
        }
    }

    private func convertBT709(
        _ picture: Picture, isFullRange: Bool, _ converter: ImageConverter
    ) throws -> [Float] {
        let buffer = picture.lumaAndChroma(
            isFullRange
                ? kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
                : kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange)
        CVBufferSetAttachment(
            buffer, kCVImageBufferYCbCrMatrixKey, kCVImageBufferYCbCrMatrix_ITU_R_709_2,
            .shouldPropagate)
        return try converter.convert(buffer)
    }

    private func answerAudio(_ source: inout Reader, _ answers: inout Data) throws {
        let samples = source.samples(source.int())
        let floats = samples.map { Float($0) / 32768 }
        for _ in 0..<source.int() {
            let numbers = source.floats(2)
            let converter = AudioConverter(
                count: samples.count, scale: numbers[0], offset: numbers[1])
            for values in [try converter.convert(samples), try converter.convert(floats)] {
                values.withUnsafeBytes { answers.append(contentsOf: $0) }
            }
        }
    }
}
