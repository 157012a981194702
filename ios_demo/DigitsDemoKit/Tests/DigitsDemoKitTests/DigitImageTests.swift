import XCTest

@testable import DigitsDemoKit

final class DigitImageTests: XCTestCase {
    func testADrawingsPlaceAndSizeDoNotMatter() {
        let two: [Float] = [2, 3.1, 4.3, 1, 6.2, 3.4, 2.1, 9, 6.7, 8.8]
        let moved = two.enumerated().map { 20 * $1 + ($0 % 2 == 0 ? 300 : 70) }
        XCTAssertEqual(image(two), image(moved))
    }

    func testEveryImageHoldsAsMuchInkAsTheDigitsThatTheModelLearntFrom() {
        let drawings: [[Float]] = [
            [5, 0, 5.7, 3, 5.2, 9],
            [4, 0, 6, 3, 5, 8, 1, 9, 0, 4, 4.1, 0.3],
        ]
        for drawing in drawings {
            // Cells at the same distance are inked together, so that there may be a few more.
            let sum = image(drawing).reduce(0) { $0 + Double($1) }
            XCTAssertEqual(16 * sum / 255, 311, accuracy: 12)
        }
    }

    func testASlantIsTakenBack() {
        XCTAssertEqual(image([5, 0, 5, 9]), image([7, 0, 4, 9]))
    }

    func testAHighDrawingStaysHigh() {
        let one = image([5, 0, 5.1, 9])
        for row in 0..<8 {
            XCTAssertEqual(one[8 * row], 0, "the left edge of row \(row)")
            XCTAssertEqual(one[8 * row + 7], 0, "the right edge of row \(row)")
            XCTAssertGreaterThan(one[8 * row + 3], 100, "the middle of row \(row)")
        }
    }

    func testStrokesAreNotJoined() {
        XCTAssertGreaterThan(image([0, 0, 0, 9, 9, 0, 9, 9])[8 * 4 + 3], 0)
        XCTAssertEqual(image([0, 0, 0, 9], [9, 0, 9, 9])[8 * 4 + 3], 0)
    }

    func testADotIsARoundBlot() {
        let dot = image([0.5, 0.5])
        XCTAssertEqual(dot, dot.reversed())
        XCTAssertEqual(dot[8 * 3 + 3], 255)
        XCTAssertEqual(dot[0], 0)
        XCTAssertEqual(dot, image([0.1, 0.2], []))
        XCTAssertEqual(dot, image([0.1, 0.2, 0.1, 0.2]))
    }

    func testALevelLineIsNoError() {
        let line = image([0, 5, 9, 5])
        XCTAssertEqual(line[3], 0)
        XCTAssertGreaterThan(line[8 * 4 + 3], 0)
    }

    func testNothingIsEmpty() {
        XCTAssertTrue(Drawing().isEmpty)
        XCTAssertTrue(Drawing(strokes: [[]]).isEmpty)
    }

    private func image(_ strokes: [Float]...) -> [UInt8] {
        DigitImage(drawing(of: strokes)).grey
    }
}
