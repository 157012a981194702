// A stand-in for Core Graphics' bitmap contexts: it draws an image at its own size.

import AppleTypes

public enum CGBlendMode: Int32, Sendable {
    case normal = 0
    case copy = 17
}

public enum CGInterpolationQuality: Int32, Sendable {
    case `default` = 0
    case none = 1
    case low = 2
    case medium = 4
    case high = 3
}

/// A bitmap of 8 bits a component: RGB with four bytes a pixel in any order, or grey.
public final class CGContext {
    public let width: Int
    public let height: Int
    public let bitsPerComponent = 8
    public let bitsPerPixel: Int
    public let bytesPerRow: Int
    public let colorSpace: CGColorSpace?
    public let bitmapInfo: CGBitmapInfo
    public let data: UnsafeMutableRawPointer?
    public var interpolationQuality = CGInterpolationQuality.default
    private let owned: UnsafeMutableRawPointer?
    private let layout: Layout
    private var blendMode = CGBlendMode.normal

    public var alphaInfo: CGImageAlphaInfo { layout.alpha }

    /// Returns nil for what bitmap contexts do not support: RGB without four bytes a pixel,
    /// alpha that is not premultiplied, rows that are too short.
    public convenience init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
        bytesPerRow: Int, space: CGColorSpace, bitmapInfo: UInt32
    ) {
        self.init(
            data: data, width: width, height: height, bitsPerComponent: bitsPerComponent,
            bytesPerRow: bytesPerRow, space: Optional(space),
            bitmapInfo: CGBitmapInfo(rawValue: bitmapInfo))
    }

    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
        bytesPerRow: Int, space: CGColorSpace?, bitmapInfo: CGBitmapInfo
    ) {
        guard let space, width > 0, height > 0, bitsPerComponent == 8,
            let alpha = CGImageAlphaInfo(rawValue: bitmapInfo.rawValue & 0x1F)
        else { return nil }
        switch (space.model, alpha) {
        case (.rgb, .premultipliedLast), (.rgb, .premultipliedFirst), (.rgb, .noneSkipLast),
            (.rgb, .noneSkipFirst):
            bitsPerPixel = 32
        case (.monochrome, .none):
            bitsPerPixel = 8
        default:
            return nil
        }
        let least = width * bitsPerPixel / 8
        let row = bytesPerRow == 0 ? least : bytesPerRow
        guard row >= least,
            let layout = Layout(
                model: space.model, alpha: alpha, bitmapInfo: bitmapInfo, bitsPerComponent: 8,
                bitsPerPixel: bitsPerPixel)
        else { return nil }
        self.width = width
        self.height = height
        self.bytesPerRow = row
        self.colorSpace = space
        self.bitmapInfo = bitmapInfo
        self.layout = layout
        if let data {
            owned = nil
            self.data = data
        } else {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: row * height, alignment: 16)
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: row * height)
            owned = bytes
            self.data = bytes
        }
    }

    deinit {
        owned?.deallocate()
    }

    public func setBlendMode(_ mode: CGBlendMode) {
        blendMode = mode
    }

    public func clear(_ rect: CGRect) {
        precondition(covers(rect), "The stand-in clears the whole context only.")
        memset(data!, 0, bytesPerRow * height)
    }

    /// Draws an image over the whole context, which has the image's own size.
    public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) {
        precondition(
            covers(rect) && image.width == width && image.height == height,
            "The stand-in draws an image at its own size, over the whole context.")
        guard let space = image.colorSpace, let bytes = image.dataProvider?.data,
            let source = Layout(
                model: space.model, alpha: image.alphaInfo, bitmapInfo: image.bitmapInfo,
                bitsPerComponent: image.bitsPerComponent, bitsPerPixel: image.bitsPerPixel)
        else { preconditionFailure("The stand-in does not know this image's format.") }
        let convert = space.name == CGColorSpace.displayP3 && colorSpace?.name != space.name
        bytes.withUnsafeBytes { pixels in
            for y in 0..<height {
                for x in 0..<width {
                    let at = y * image.bytesPerRow + x * image.bitsPerPixel / 8
                    var color = source.read(pixels.baseAddress! + at)
                    if convert { color = sRGBFromDisplayP3(color) }
                    let target = data! + y * bytesPerRow + x * bitsPerPixel / 8
                    let below = blendMode == .copy ? nil : layout.read(target)
                    layout.write(color, over: below, to: target)
                }
            }
        }
    }

    private func covers(_ rect: CGRect) -> Bool {
        rect == CGRect(x: 0, y: 0, width: width, height: height)
    }
}

/// Red, green and blue multiplied with alpha; all from 0 to 1.
struct Premultiplied {
    var red: Double
    var green: Double
    var blue: Double
    var alpha: Double
}

/// Where a pixel's components are.
struct Layout {
    let alpha: CGImageAlphaInfo
    private let model: CGColorSpaceModel
    private let places: [Int]
    private let alphaPlace: Int?

    init?(
        model: CGColorSpaceModel, alpha: CGImageAlphaInfo, bitmapInfo: CGBitmapInfo,
        bitsPerComponent: Int, bitsPerPixel: Int
    ) {
        let colors = model == .monochrome ? 1 : model == .rgb ? 3 : 4
        let first = [.premultipliedFirst, .first, .noneSkipFirst].contains(alpha)
        let components = alpha == .none ? colors : colors + 1
        guard bitsPerComponent == 8 || bitsPerComponent == 16, model != .unknown,
            alpha != .alphaOnly, bitsPerPixel == components * bitsPerComponent,
            !bitmapInfo.contains(.floatComponents)
        else { return nil }
        var order = Array(0..<components)
        let byteOrder = bitmapInfo.rawValue & CGBitmapInfo.byteOrderMask.rawValue
        if byteOrder == CGBitmapInfo.byteOrder32Little.rawValue {
            guard bitsPerPixel == 32, bitsPerComponent == 8 else { return nil }
            order.reverse()
        }
        let size = bitsPerComponent / 8
        // Of a wide component the more significant byte is read.
        let little = byteOrder == CGBitmapInfo.byteOrder16Little.rawValue
        let high = size == 2 && little ? 1 : 0
        let at = order.map { $0 * size + high }
        self.alpha = alpha
        self.model = model
        places = Array(first ? at[1...] : at[..<colors])
        switch alpha {
        case .premultipliedFirst, .first: alphaPlace = at[0]
        case .premultipliedLast, .last: alphaPlace = at[colors]
        default: alphaPlace = nil
        }
    }

    func read(_ pixel: UnsafeRawPointer) -> Premultiplied {
        func component(_ place: Int) -> Double {
            Double(pixel.load(fromByteOffset: place, as: UInt8.self)) / 255
        }
        let alpha = alphaPlace.map(component) ?? 1
        let scale = self.alpha == .last || self.alpha == .first ? alpha : 1
        let values = places.map { component($0) * scale }
        switch model {
        case .monochrome:
            return Premultiplied(red: values[0], green: values[0], blue: values[0], alpha: alpha)
        case .cmyk:
            let light = 1 - values[3]
            return Premultiplied(
                red: (1 - values[0]) * light, green: (1 - values[1]) * light,
                blue: (1 - values[2]) * light, alpha: alpha)
        default:
            return Premultiplied(red: values[0], green: values[1], blue: values[2], alpha: alpha)
        }
    }

    func write(
        _ color: Premultiplied, over below: Premultiplied?, to pixel: UnsafeMutableRawPointer
    ) {
        var result = color
        if let below {
            let through = 1 - color.alpha
            result.red += below.red * through
            result.green += below.green * through
            result.blue += below.blue * through
            result.alpha += below.alpha * through
        }
        func store(_ value: Double, _ place: Int) {
            let whole = UInt8((min(max(value, 0), 1) * 255).rounded())
            pixel.storeBytes(of: whole, toByteOffset: place, as: UInt8.self)
        }
        if model == .monochrome {
            let grey = 0.2126 * result.red + 0.7152 * result.green + 0.0722 * result.blue
            store(grey, places[0])
        } else {
            store(result.red, places[0])
            store(result.green, places[1])
            store(result.blue, places[2])
        }
        if let alphaPlace { store(result.alpha, alphaPlace) }
    }
}

/// Converts through linear light; both spaces have sRGB's transfer function and white.
func sRGBFromDisplayP3(_ color: Premultiplied) -> Premultiplied {
    guard color.alpha > 0 else { return color }
    func linear(_ value: Double) -> Double {
        let plain = value / color.alpha
        return plain <= 0.04045 ? plain / 12.92 : pow((plain + 0.055) / 1.055, 2.4)
    }
    func encoded(_ value: Double) -> Double {
        let inside = min(max(value, 0), 1)
        let plain = inside <= 0.0031308 ? inside * 12.92 : 1.055 * pow(inside, 1 / 2.4) - 0.055
        return plain * color.alpha
    }
    let (red, green, blue) = (linear(color.red), linear(color.green), linear(color.blue))
    return Premultiplied(
        red: encoded(1.2249401 * red - 0.2249404 * green),
        green: encoded(-0.0420569 * red + 1.0420571 * green),
        blue: encoded(-0.0196376 * red - 0.0786361 * green + 1.0982735 * blue),
        alpha: color.alpha)
}
