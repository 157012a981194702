import XCTest

@testable import DigitsDemoKit

final class TimingTests: XCTestCase {
    func testPercentilesAreTimesThatWereSeen() {
        let timing = Timing((1...10).reversed().map { .milliseconds($0) })
        XCTAssertEqual(timing.calls, 10)
        XCTAssertEqual(timing.median, 5)
        XCTAssertEqual(timing.percentile(0.9), 9)
        XCTAssertEqual(timing.percentile(1), 10)
        XCTAssertEqual(timing.percentile(0.001), 1)
        XCTAssertEqual(Timing([.microseconds(250)]).median, 0.25)
    }

    func testThreeDigitsOfATimeCount() {
        let american = Locale(identifier: "en_US")
        XCTAssertEqual(words(forMilliseconds: 0.12345, in: american), "0.123")
        XCTAssertEqual(words(forMilliseconds: 1.2345, in: american), "1.23")
        XCTAssertEqual(words(forMilliseconds: 12.345, in: american), "12.3")
        XCTAssertEqual(words(forMilliseconds: 123.45, in: american), "123")
        XCTAssertEqual(words(forMilliseconds: 0.12345, in: Locale(identifier: "de_DE")), "0,123")
    }
}
