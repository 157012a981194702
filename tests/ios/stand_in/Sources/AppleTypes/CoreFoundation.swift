// Core Foundation's types under the names that Apple's functions take them by. They are Swift's own
// here, so that `data as CFData`, `name as String` and the like compile as they do on a Mac.

@_exported import Foundation

public typealias CFData = Data
public typealias CFString = String
public typealias CFDictionary = [AnyHashable: Any]
public typealias CFTypeRef = Any

public final class CFAllocator: Sendable {}

public let kCFAllocatorDefault: CFAllocator? = nil
