import DigitClassifier
import Observation

/// What the benchmark's screen shows: every compute unit, and what came of it.
@MainActor
@Observable
public final class BenchmarkModel {
    public private(set) var results: [ComputeUnit: BenchmarkResult] = [:]
    public private(set) var running: ComputeUnit?

    public let units = ComputeUnit.allCases

    private let time: @Sendable (ComputeUnit) async throws -> BenchmarkResult

    /// - Parameter time: times one compute unit.
    public init(
        time: @escaping @Sendable (ComputeUnit) async throws -> BenchmarkResult = {
            try await benchmark($0)
        }
    ) {
        self.time = time
    }

    public var isComplete: Bool { results.count == units.count }

    /// Times the compute units that have no result yet, one after another, until the task is
    /// cancelled; then the one that was under way has none.
    public func runTheRest() async {
        defer { running = nil }
        for unit in units where results[unit] == nil {
            running = unit
            do {
                results[unit] = try await time(unit)
            } catch is CancellationError {
                return
            } catch {
                results[unit] = .unusable(reason: error.localizedDescription)
            }
        }
    }

    /// Forgets all results.
    public func clear() {
        results = [:]
    }

    /// Returns a compute unit's median as a share of the slowest one's, from 0 to 1.
    public func share(of unit: ComputeUnit) -> Double {
        let medians = results.compactMapValues(\.median)
        guard let median = medians[unit], let slowest = medians.values.max(), slowest > 0
        else { return 0 }
        return median / slowest
    }
}
