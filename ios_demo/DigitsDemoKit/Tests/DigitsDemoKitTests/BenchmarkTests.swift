import DigitClassifier
import XCTest

@testable import DigitsDemoKit

final class BenchmarkTests: XCTestCase {
    func testTheModelIsTimedOnEveryComputeUnit() async throws {
        for unit in ComputeUnit.allCases {
            let result = try await benchmark(unit, calls: 3)
            guard case .timed(let timing, let ready, let doubt) = result else {
                XCTFail("\(unit): \(result)")
                continue
            }
            XCTAssertEqual(timing.calls, 3)
            XCTAssertGreaterThan(timing.median, 0)
            XCTAssertGreaterThan(ready, 0)
            XCTAssertNil(doubt)
        }
    }

    func testSharesAreOfTheSlowestComputeUnit() async {
        let model = await timed([.cpu: 8, .neuralEngine: 2])
        await model.runTheRest()
        let shares = await [model.share(of: .cpu), model.share(of: .neuralEngine)]
        XCTAssertEqual(shares, [1, 0.25])
        let other = await (model.share(of: .gpu), model.results[.gpu], model.isComplete)
        XCTAssertEqual(other.0, 0)
        XCTAssertEqual(other.1, .unusable(reason: "no model"))
        XCTAssertTrue(other.2)
    }

    func testWhatWasGivenUpIsTimedAgainAndTheRestIsKept() async throws {
        let calls = Calls()
        let model = await BenchmarkModel { unit in
            if await calls.add(unit) == 2 { throw CancellationError() }
            return .unusable(reason: "for a test")
        }
        await model.runTheRest()
        let first = await (model.results.count, model.running, model.isComplete)
        XCTAssertEqual(first.0, 1)
        XCTAssertNil(first.1)
        XCTAssertFalse(first.2)

        await model.runTheRest()
        let isComplete = await model.isComplete
        XCTAssertTrue(isComplete)
        let units = await calls.units
        let all = ComputeUnit.allCases
        XCTAssertEqual(units, [all[0], all[1]] + all.dropFirst())

        await model.clear()
        let isCleared = await model.results.isEmpty
        XCTAssertTrue(isCleared)
    }
}

/// Answers with times; what has none is refused.
@MainActor
private func timed(_ millis: [ComputeUnit: Int]) -> BenchmarkModel {
    BenchmarkModel { unit in
        guard let time = millis[unit] else { throw Refused() }
        return .timed(Timing([.milliseconds(time)]), readyMilliseconds: 1, doubt: nil)
    }
}

private actor Calls {
    private(set) var units: [ComputeUnit] = []

    func add(_ unit: ComputeUnit) -> Int {
        units.append(unit)
        return units.count
    }
}
