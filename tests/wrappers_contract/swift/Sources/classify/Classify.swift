import CoreGraphics
import DigitClassifier
import Foundation

/// An app that classifies pictures `WIDTHxHEIGHT-NAME.rgba` in a folder, and writes what came of
/// them.
@main
struct Classify {
    static func main() async throws {
        let folder = URL(fileURLWithPath: CommandLine.arguments[1], isDirectory: true)
        let model = try await DigitClassifier(computeUnits: .only(.cpu))
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
            let picture = try image(at: folder.appendingPathComponent(name))
            for found in try await model.classify(picture, topK: 10) {
                print("\(name)\t\(found.label)\t\(found.score.bitPattern)")
            }
        }
    }

    private static func image(at file: URL) throws -> CGImage {
        let size = file.lastPathComponent.prefix { $0 != "-" }.split(separator: "x")
        let (width, height) = (Int(size[0])!, Int(size[1])!)
        let data = try Data(contentsOf: file)
        return CGImage(
            width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32,
            bytesPerRow: width * 4, space: CGColorSpace(name: CGColorSpace.sRGB)!,
            bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.noneSkipLast.rawValue),
            provider: CGDataProvider(data: data as CFData)!, decode: nil,
            shouldInterpolate: false, intent: .defaultIntent)!
    }
}
