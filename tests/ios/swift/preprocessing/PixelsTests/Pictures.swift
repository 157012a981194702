import CoreGraphics
import CoreVideo
import Foundation

/// Red, green, blue and alpha of each pixel, row by row.
struct Picture {
    let height: Int
    let width: Int
    let bytes: [UInt8]

    var pixels: [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { place in
            let (red, green) = (UInt32(bytes[place]), UInt32(bytes[place + 1]))
            let (blue, alpha) = (UInt32(bytes[place + 2]), UInt32(bytes[place + 3]))
            return alpha << 24 | red << 16 | green << 8 | blue
        }
    }

    /// The image with its channels in another order, and rows that are padded with 0xAB.
    ///
    /// - Parameter order: for each byte of a pixel, which of red, green, blue and alpha it is.
    func image(
        order: [Int], alpha: CGImageAlphaInfo, byteOrder: CGBitmapInfo = [],
        space: CGColorSpace = CGColorSpace(name: CGColorSpace.sRGB)!,
        decode: UnsafePointer<CGFloat>? = nil
    ) -> CGImage {
        let bytesPerRow = width * order.count + 5
        var rows = [UInt8](repeating: 0xAB, count: bytesPerRow * height)
        for row in 0..<height {
            for column in 0..<width {
                for (place, channel) in order.enumerated() {
                    rows[row * bytesPerRow + column * order.count + place] =
                        bytes[(row * width + column) * 4 + channel]
                }
            }
        }
        return CGImage(
            width: width, height: height, bitsPerComponent: 8, bitsPerPixel: order.count * 8,
            bytesPerRow: bytesPerRow, space: space,
            bitmapInfo: [CGBitmapInfo(rawValue: alpha.rawValue), byteOrder],
            provider: CGDataProvider(data: Data(rows) as CFData)!, decode: decode,
            shouldInterpolate: false, intent: .defaultIntent)!
    }

    /// The image as a pixel buffer of one plane.
    func buffer(_ format: OSType, order: [Int]) -> CVPixelBuffer {
        let buffer = pixelBuffer(format)
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        let base = CVPixelBufferGetBaseAddress(buffer)!
        for row in 0..<height {
            let start = base + row * CVPixelBufferGetBytesPerRow(buffer)
            for column in 0..<width {
                for (place, channel) in order.enumerated() {
                    start.storeBytes(
                        of: bytes[(row * width + column) * 4 + channel],
                        toByteOffset: column * order.count + place, as: UInt8.self)
                }
            }
        }
        return buffer
    }

    /// The image as a pixel buffer of luma and chroma, where its channels are Y, Cb and Cr; of four
    /// pixels the upper left one's chroma is taken.
    func lumaAndChroma(_ format: OSType) -> CVPixelBuffer {
        let buffer = pixelBuffer(format)
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        let luma = CVPixelBufferGetBaseAddressOfPlane(buffer, 0)!
        let chroma = CVPixelBufferGetBaseAddressOfPlane(buffer, 1)!
        for row in 0..<height {
            let lumaRow = luma + row * CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)
            let chromaRow = chroma + row / 2 * CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)
            for column in 0..<width {
                let place = (row * width + column) * 4
                lumaRow.storeBytes(of: bytes[place], toByteOffset: column, as: UInt8.self)
                if row % 2 == 0 && column % 2 == 0 {
                    chromaRow.storeBytes(
                        of: bytes[place + 1], toByteOffset: column, as: UInt8.self)
                    chromaRow.storeBytes(
                        of: bytes[place + 2], toByteOffset: column + 1, as: UInt8.self)
                }
            }
        }
        return buffer
    }

    func pixelBuffer(_ format: OSType) -> CVPixelBuffer {
        var buffer: CVPixelBuffer?
        let made = CVPixelBufferCreate(nil, width, height, format, nil, &buffer)
        precondition(made == kCVReturnSuccess)
        return buffer!
    }
}
