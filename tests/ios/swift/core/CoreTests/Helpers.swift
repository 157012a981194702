import Foundation
import XCTest

/// Returns what something throws, or nil.
func thrown(by action: () async throws -> Void) async -> (any Error)? {
    do {
        try await action()
        return nil
    } catch {
        return error
    }
}

/// Waits until something is so.
func eventually(
    _ condition: () -> Bool, file: StaticString = #filePath, line: UInt = #line
) async throws {
    for _ in 0..<20_000 {
        if condition() { return }
        try await Task.sleep(nanoseconds: 1_000_000)
    }
    XCTFail("It did not come about.", file: file, line: line)
}
