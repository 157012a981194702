// A stand-in for Core Video's pixel buffers: memory with planes and padded rows.

@_exported import AppleTypes

public typealias CVReturn = Int32
public typealias OSType = UInt32
public typealias CVImageBuffer = CVBuffer
public typealias CVPixelBuffer = CVBuffer

public let kCVReturnSuccess: CVReturn = 0
public let kCVReturnInvalidArgument: CVReturn = -6661
public let kCVReturnInvalidPixelFormat: CVReturn = -6680

public let kCVPixelFormatType_24RGB: OSType = 0x18
public let kCVPixelFormatType_32ARGB: OSType = 0x20
public let kCVPixelFormatType_32BGRA: OSType = fourCharacters("BGRA")
public let kCVPixelFormatType_32RGBA: OSType = fourCharacters("RGBA")
public let kCVPixelFormatType_OneComponent8: OSType = fourCharacters("L008")
public let kCVPixelFormatType_OneComponent16Half: OSType = fourCharacters("L00h")
public let kCVPixelFormatType_OneComponent32Float: OSType = fourCharacters("L00f")
public let kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: OSType = fourCharacters("420v")
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = fourCharacters("420f")

public let kCVPixelBufferPixelFormatTypeKey: CFString = "PixelFormatType"
public let kCVPixelBufferWidthKey: CFString = "Width"
public let kCVPixelBufferHeightKey: CFString = "Height"
public let kCVPixelBufferIOSurfacePropertiesKey: CFString = "IOSurfaceProperties"
public let kCVPixelBufferMetalCompatibilityKey: CFString = "MetalCompatibility"
public let kCVPixelBufferCGImageCompatibilityKey: CFString = "CGImageCompatibility"
public let kCVPixelBufferCGBitmapContextCompatibilityKey: CFString = "CGBitmapContextCompatibility"

public let kCVImageBufferYCbCrMatrixKey: CFString = "CVImageBufferYCbCrMatrix"
public let kCVImageBufferYCbCrMatrix_ITU_R_601_4: CFString = "ITU_R_601_4"
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2: CFString = "ITU_R_709_2"
public let kCVImageBufferYCbCrMatrix_ITU_R_2020: CFString = "ITU_R_2020"

private func fourCharacters(_ text: String) -> OSType {
    text.utf8.reduce(0) { $0 << 8 | OSType($1) }
}

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static var readOnly: CVPixelBufferLockFlags { CVPixelBufferLockFlags(rawValue: 1) }
}

public enum CVAttachmentMode: UInt32, Sendable {
    case shouldNotPropagate = 0
    case shouldPropagate = 1
}

/// Not `Sendable`, as Apple's is not.
public final class CVBuffer {
    struct Plane {
        let width: Int
        let height: Int
        let bytesPerRow: Int
        let offset: Int
    }

    let format: OSType
    let planes: [Plane]
    let isPlanar: Bool
    let memory: UnsafeMutableRawPointer
    let size: Int
    var locks = 0
    var attachments: [CFString: CFTypeRef] = [:]

    init?(width: Int, height: Int, format: OSType) {
        /// Bytes a pixel and the divisor of the size, by plane.
        let shapes: [(bytes: Int, divisor: Int)]
        switch format {
        case kCVPixelFormatType_OneComponent8: shapes = [(1, 1)]
        case kCVPixelFormatType_OneComponent16Half: shapes = [(2, 1)]
        case kCVPixelFormatType_24RGB: shapes = [(3, 1)]
        case kCVPixelFormatType_32ARGB, kCVPixelFormatType_32BGRA, kCVPixelFormatType_32RGBA,
            kCVPixelFormatType_OneComponent32Float:
            shapes = [(4, 1)]
        case kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange,
            kCVPixelFormatType_420YpCbCr8BiPlanarFullRange:
            shapes = [(1, 1), (2, 2)]
        default: return nil
        }
        var planes: [Plane] = []
        var offset = 0
        for shape in shapes {
            let across = (width + shape.divisor - 1) / shape.divisor
            let down = (height + shape.divisor - 1) / shape.divisor
            // Rows are padded, as most devices pad them.
            let row = (across * shape.bytes + 63) / 64 * 64
            planes.append(Plane(width: across, height: down, bytesPerRow: row, offset: offset))
            offset += row * down
        }
        self.format = format
        self.planes = planes
        isPlanar = planes.count > 1
        size = offset
        memory = .allocate(byteCount: offset, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: offset)
    }

    deinit {
        memory.deallocate()
    }

    func address(of plane: Int) -> UnsafeMutableRawPointer? {
        locks > 0 && planes.indices.contains(plane) ? memory + planes[plane].offset : nil
    }
}

@discardableResult
public func CVPixelBufferCreate(
    _ allocator: CFAllocator?, _ width: Int, _ height: Int, _ pixelFormatType: OSType,
    _ pixelBufferAttributes: CFDictionary?,
    _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn {
    guard width > 0, height > 0 else { return kCVReturnInvalidArgument }
    guard let buffer = CVBuffer(width: width, height: height, format: pixelFormatType) else {
        return kCVReturnInvalidPixelFormat
    }
    pixelBufferOut.pointee = buffer
    return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferLockBaseAddress(
    _ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags
) -> CVReturn {
    pixelBuffer.locks += 1
    return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferUnlockBaseAddress(
    _ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags
) -> CVReturn {
    guard pixelBuffer.locks > 0 else { return kCVReturnInvalidArgument }
    pixelBuffer.locks -= 1
    return kCVReturnSuccess
}

public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int {
    pixelBuffer.planes[0].width
}

public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int {
    pixelBuffer.planes[0].height
}

public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType {
    pixelBuffer.format
}

public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int {
    pixelBuffer.planes[0].bytesPerRow
}

public func CVPixelBufferGetDataSize(_ pixelBuffer: CVPixelBuffer) -> Int {
    pixelBuffer.size
}

/// Returns nil where the buffer is not locked.
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
    pixelBuffer.address(of: 0)
}

public func CVPixelBufferIsPlanar(_ pixelBuffer: CVPixelBuffer) -> Bool {
    pixelBuffer.isPlanar
}

/// Returns 0 for a buffer that is not planar.
public func CVPixelBufferGetPlaneCount(_ pixelBuffer: CVPixelBuffer) -> Int {
    pixelBuffer.isPlanar ? pixelBuffer.planes.count : 0
}

public func CVPixelBufferGetWidthOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int {
    pixelBuffer.planes[planeIndex].width
}

public func CVPixelBufferGetHeightOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int {
    pixelBuffer.planes[planeIndex].height
}

public func CVPixelBufferGetBytesPerRowOfPlane(
    _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> Int {
    pixelBuffer.planes[planeIndex].bytesPerRow
}

public func CVPixelBufferGetBaseAddressOfPlane(
    _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> UnsafeMutableRawPointer? {
    pixelBuffer.address(of: planeIndex)
}

public func CVBufferSetAttachment(
    _ buffer: CVBuffer, _ key: CFString, _ value: CFTypeRef, _ attachmentMode: CVAttachmentMode
) {
    buffer.attachments[key] = value
}

public func CVBufferCopyAttachment(
    _ buffer: CVBuffer, _ key: CFString, _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?
) -> CFTypeRef? {
    buffer.attachments[key]
}
