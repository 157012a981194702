import Foundation
import Synchronization

@testable import Core

/// A clock that goes on when a fake engine works, and at once to the limit when one hangs.
public final class FakeClock: TrialClock {
    private struct Sleeper {
        let number: Int
        let nanoseconds: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: UInt64 = 0
        var numbers = 0
        var sleepers: [Sleeper] = []
        var hangs = 0
        var hanging: [CheckedContinuation<Void, Never>] = []
        var isAwake = false
    }

    private let state = Mutex(State())

    public func now() -> UInt64 { state.withLock { $0.now } }

    public func advance(_ nanoseconds: UInt64) {
        state.withLock { $0.now += nanoseconds }
    }

    public func sleep(nanoseconds: UInt64) async throws {
        let number = state.withLock {
            $0.numbers += 1
            return $0.numbers
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { fallAsleep(number, nanoseconds, $0) }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                let place = state.sleepers.firstIndex { $0.number == number }
                return place.map { state.sleepers.remove(at: $0) }
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    private func fallAsleep(
        _ number: Int, _ nanoseconds: UInt64, _ continuation: CheckedContinuation<Void, any Error>
    ) {
        let isCancelled = Task.isCancelled
        let isOver = state.withLock { state in
            if isCancelled { return true }
            if state.hangs > 0 {
                state.hangs -= 1
                state.now += nanoseconds
                return true
            }
            let sleeper = Sleeper(
                number: number, nanoseconds: nanoseconds, continuation: continuation)
            state.sleepers.append(sleeper)
            return false
        }
        guard isOver else { return }
        continuation.resume(with: isCancelled ? .failure(CancellationError()) : .success(()))
    }

    /// Does not return before `wake`.
    public func hang() async {
        await withCheckedContinuation { continuation in
            let woken = state.withLock { state -> Sleeper? in
                if state.isAwake {
                    continuation.resume()
                    return nil
                }
                state.hanging.append(continuation)
                guard let sleeper = state.sleepers.popLast() else {
                    state.hangs += 1
                    return nil
                }
                state.now += sleeper.nanoseconds
                return sleeper
            }
            woken?.continuation.resume()
        }
    }

    /// Lets everything that hangs go on.
    public func wake() {
        let hanging = state.withLock { state in
            state.isAwake = true
            defer { state.hanging = [] }
            return state.hanging
        }
        for continuation in hanging { continuation.resume() }
    }
}
