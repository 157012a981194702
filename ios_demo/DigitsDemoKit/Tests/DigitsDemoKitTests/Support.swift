import Foundation
import XCTest

@testable import DigitsDemoKit

/// Makes a drawing of strokes that are x, y, x, y, ….
func drawing(of strokes: [[Float]]) -> Drawing {
    Drawing(
        strokes: strokes.map { stroke in
            stride(from: 0, to: stroke.count, by: 2).map {
                Point(x: stroke[$0], y: stroke[$0 + 1])
            }
        })
}

/// Waits until something holds, or fails the test.
@MainActor
func eventually(
    _ holds: () -> Bool, file: StaticString = #filePath, line: UInt = #line
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    while !holds() {
        guard clock.now < end else {
            XCTFail("It did not come about.", file: file, line: line)
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

struct Refused: LocalizedError {
    var errorDescription: String? { "no model" }
}

/// Answers with the image's ink, one image each time that it is let.
actor FakeReader: DigitReader {
    nonisolated let choice = Choice(unit: .cpu, variant: "coreml-fp16", reason: "The only one.")
    private(set) var reads: [DigitImage] = []
    private var waiting: CheckedContinuation<Void, Never>?
    private var isFailing = false

    var isReading: Bool { waiting != nil }

    func read(_ image: DigitImage) async throws -> Reading {
        reads.append(image)
        await withCheckedContinuation { waiting = $0 }
        if isFailing { throw Refused() }
        return Reading(label: Self.label(image), score: 0.5)
    }

    /// Lets the read end that is under way, or that begins soon.
    func end(failing: Bool = false) async throws {
        isFailing = failing
        while waiting == nil { try await Task.sleep(for: .milliseconds(2)) }
        waiting?.resume()
        waiting = nil
    }

    static func label(_ image: DigitImage) -> String {
        String(image.grey.reduce(0) { $0 + Int($1) })
    }
}
