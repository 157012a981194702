import CoreGraphics
import Foundation

extension DigitImage {
    /// The image as the model wants it: ink is white, paper black.
    public var cgImage: CGImage {
        let bytes: [UInt8] = grey.flatMap { pixel -> [UInt8] in [pixel, pixel, pixel, 255] }
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
            let provider = CGDataProvider(data: Data(bytes) as CFData),
            let image = CGImage(
                width: Self.side,
                height: Self.side,
                bitsPerComponent: 8,
                bitsPerPixel: 32,
                bytesPerRow: 4 * Self.side,
                space: space,
                bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.noneSkipLast.rawValue),
                provider: provider,
                decode: nil,
                shouldInterpolate: false,
                intent: .defaultIntent)
        else { preconditionFailure("8×8 pixels of sRGB are an image everywhere.") }
        return image
    }
}
