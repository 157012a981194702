import Foundation

/// What many calls took.
public struct Timing: Sendable, Hashable {
    private let sorted: [Duration]

    /// - Precondition: something was timed.
    init(_ durations: [Duration]) {
        precondition(!durations.isEmpty, "Nothing was timed.")
        sorted = durations.sorted()
    }

    public var calls: Int { sorted.count }

    /// In milliseconds.
    public var median: Double { percentile(0.5) }

    /// Returns the milliseconds that this share of the calls took at most.
    ///
    /// - Precondition: the share is more than 0, and 1 at most.
    public func percentile(_ share: Double) -> Double {
        precondition(share > 0 && share <= 1, "\(share) is no share of the calls.")
        let place = (share * Double(sorted.count)).rounded(.up)
        return sorted[Int(place) - 1].milliseconds
    }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}

/// Returns milliseconds with three digits that count, in the user's language.
public func words(forMilliseconds milliseconds: Double, in locale: Locale = .current) -> String {
    let digits = milliseconds < 1 ? 3 : milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0
    let format = FloatingPointFormatStyle<Double>.number.precision(.fractionLength(digits))
    return milliseconds.formatted(format.locale(locale))
}
