import DigitClassifier

/// What came of a compute unit.
public enum BenchmarkResult: Sendable, Hashable {
    /// It ran, and was ready after some milliseconds; `doubt` is why its answers are not trusted.
    case timed(Timing, readyMilliseconds: Double, doubt: String?)

    /// It cannot be used on this device.
    case unusable(reason: String)

    /// In milliseconds, where it ran.
    var median: Double? {
        guard case .timed(let timing, _, _) = self else { return nil }
        return timing.median
    }
}

/// Times many calls on one compute unit, away from the caller's actor.
///
/// - Throws: `CancellationError`.
public func benchmark(_ unit: ComputeUnit, calls: Int = 200) async throws -> BenchmarkResult {
    let clock = ContinuousClock()
    let began = clock.now
    do {
        let classifier = try await DigitClassifier(computeUnits: .only(unit))
        let ready = (clock.now - began).milliseconds
        let timing = try await time(classifier, calls: calls)
        let choice = classifier.choice
        return .timed(
            timing, readyMilliseconds: ready, doubt: choice.isCorrect ? nil : choice.reason)
    } catch let error as ModelError {
        return .unusable(reason: error.description)
    }
}

private func time(_ classifier: DigitClassifier, calls: Int) async throws -> Timing {
    let image = DigitImage(seven).cgImage
    let clock = ContinuousClock()
    var durations: [Duration] = []
    for call in -warmUp..<calls {
        try Task.checkCancellation()
        let began = clock.now
        _ = try await classifier.classify(image)
        if call >= 0 { durations.append(clock.now - began) }
    }
    return Timing(durations)
}

private let warmUp = 20
private let seven = Drawing(strokes: [
    [Point(x: 0.2, y: 0.1), Point(x: 0.8, y: 0.1), Point(x: 0.4, y: 0.9)]
])
