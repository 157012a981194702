import Foundation
import Synchronization
import XCTest

@testable import Core

/// Who is let in, and when.
final class TurnsTests: XCTestCase {
    func testTasksAreLetInOneAfterAnotherInTheOrderInWhichTheyCame() async throws {
        let line = Line()
        let tasks = try await line.start(8)
        XCTAssertEqual(line.order, [0])
        line.letGo()
        for task in tasks { try await task.value }
        XCTAssertEqual(line.order, Array(0..<8))
    }

    func testThoseThatAreCancelledLeaveTheLine() async throws {
        let line = Line()
        let tasks = try await line.start(8)
        for number in [2, 3, 7] { tasks[number].cancel() }
        for number in [2, 3, 7] {
            let error = await thrown { try await tasks[number].value }
            XCTAssertTrue(error is CancellationError, "\(error as Any)")
        }
        let left = await line.turns.waiting.count
        XCTAssertEqual(left, 4)
        line.letGo()
        for number in [0, 1, 4, 5, 6] { try await tasks[number].value }
        XCTAssertEqual(line.order, [0, 1, 4, 5, 6])
    }

    func testWhatThrowsLetsTheNextOneIn() async throws {
        let turns = Turns()
        let error = await thrown {
            try await turns.perform { throw CocoaError(.fileNoSuchFile) }
        }
        XCTAssertTrue(error is CocoaError, "\(error as Any)")
        let value = try await turns.perform { 7 }
        XCTAssertEqual(value, 7)
    }
}

/// Tasks of which the first holds the others up.
private final class Line: Sendable {
    let turns = Turns()
    private let isHeld = Mutex(true)
    private let entered = Mutex<[Int]>([])

    /// Those that were let in.
    var order: [Int] { entered.withLock { $0 } }

    func letGo() {
        isHeld.withLock { $0 = false }
    }

    /// Starts tasks, each when the one before it has its place.
    func start(_ count: Int) async throws -> [Task<Void, any Error>] {
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<count {
            tasks.append(Task { try await takeTurn(number) })
            while await places() < number + 1 { try await Task.sleep(nanoseconds: 1_000_000) }
        }
        return tasks
    }

    private func places() async -> Int {
        let waiting = await turns.waiting.count
        return order.count + waiting
    }

    private func takeTurn(_ number: Int) async throws {
        try await turns.perform { [self] in
            entered.withLock { $0.append(number) }
            while isHeld.withLock({ $0 }) { try await Task.sleep(nanoseconds: 1_000_000) }
        }
    }
}
