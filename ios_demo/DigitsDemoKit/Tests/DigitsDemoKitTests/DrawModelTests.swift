import DigitClassifier
import XCTest

@testable import DigitsDemoKit

final class DrawModelTests: XCTestCase {
    func testTheLatestDrawingWins() async throws {
        try await onMain {
            let reader = FakeReader()
            let model = DrawModel { reader }
            let task = Task { await model.run() }
            try await eventually { model.choice == reader.choice }

            model.draw(to: Point(x: 0, y: 1))
            while await !reader.isReading { await Task.yield() }
            for step in 1...5 { model.draw(to: Point(x: Float(step), y: 0)) }
            try await reader.end()
            try await reader.end()
            let last = DigitImage(model.drawing)
            try await eventually { model.recognition?.image == last }

            XCTAssertEqual(model.recognition?.reading.label, FakeReader.label(last))
            let reads = await reader.reads.count
            XCTAssertEqual(reads, 2)
            task.cancel()
            await task.value
        }
    }

    func testAnEmptySheetIsNotRead() async throws {
        try await onMain {
            let reader = FakeReader()
            let model = DrawModel(drawing: drawing(of: [[0, 0, 1, 1]])) { reader }
            let task = Task { await model.run() }
            try await reader.end()
            try await eventually { model.recognition != nil }
            model.replace(with: Drawing())
            try await eventually { model.recognition == nil }
            let reads = await reader.reads.count
            XCTAssertEqual(reads, 1)
            task.cancel()
            await task.value
        }
    }

    func testAModelThatCannotBeLoadedIsSaidAndMayBeTriedAgain() async throws {
        try await onMain {
            let isThere = Flag()
            let model = DrawModel {
                guard await isThere.isUp else { throw Refused() }
                return FakeReader()
            }
            await model.run()
            XCTAssertEqual(model.failure, "no model")
            XCTAssertNil(model.choice)

            await isThere.raise()
            let task = Task { await model.run() }
            try await eventually { model.choice != nil }
            XCTAssertNil(model.failure)
            task.cancel()
            await task.value
        }
    }

    func testAReadThatFailsIsSaid() async throws {
        try await onMain {
            let reader = FakeReader()
            let model = DrawModel(drawing: drawing(of: [[0, 0, 1, 1]])) { reader }
            let task = Task { await model.run() }
            try await reader.end(failing: true)
            await task.value
            XCTAssertEqual(model.failure, "no model")
        }
    }

    func testItEndsWhereNobodyLooksAnyMoreAndMayBeginAgain() async throws {
        try await onMain {
            let reader = FakeReader()
            let model = DrawModel { reader }
            for _ in 0..<2 {
                let task = Task { await model.run() }
                try await eventually { model.choice != nil }
                task.cancel()
                await task.value
                XCTAssertNil(model.failure)
            }
        }
    }

    func testStrokesBeginWhereThePenWasLifted() async throws {
        await onMain {
            let model = DrawModel { FakeReader() }
            for x: Float in [0, 1] {
                model.draw(to: Point(x: x, y: 0))
                model.draw(to: Point(x: x, y: 1))
                model.endStroke()
            }
            XCTAssertEqual(model.drawing, drawing(of: [[0, 0, 0, 1], [1, 0, 1, 1]]))
        }
    }

    func testADrawingIsKeptAsItIs() throws {
        let kept = drawing(of: [[0.25, 0.5, 1, 0], [0.1, 0.2]])
        let data = try JSONEncoder().encode(kept)
        XCTAssertEqual(try JSONDecoder().decode(Drawing.self, from: data), kept)
    }
}

/// Runs on the main actor. (Of a class that is on it, SwiftPM on Linux finds no tests.)
private func onMain(_ test: @escaping @MainActor @Sendable () async throws -> Void) async rethrows {
    try await test()
}

private actor Flag {
    private(set) var isUp = false

    func raise() {
        isUp = true
    }
}
