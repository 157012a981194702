import DigitClassifier

/// Reads digits from images.
public protocol DigitReader: Sendable {
    /// What runs the model, which file of it, and why.
    var choice: Choice { get }

    func read(_ image: DigitImage) async throws -> Reading
}

/// What runs the model, which file of it, and why.
public struct Choice: Sendable, Hashable {
    public let unit: ComputeUnit
    public let variant: String
    public let reason: String

    public init(unit: ComputeUnit, variant: String, reason: String) {
        self.unit = unit
        self.variant = variant
        self.reason = reason
    }
}

/// The likeliest digit and its score, from 0 to 1.
public struct Reading: Sendable, Hashable {
    public let label: String
    public let score: Float

    public init(label: String, score: Float) {
        self.label = label
        self.score = score
    }
}

/// Reads digits with the generated class.
public struct ModelReader: DigitReader {
    public let choice: Choice
    private let classifier: DigitClassifier

    /// Loads the model on the fastest compute unit that is right on this device.
    public init() async throws {
        classifier = try await DigitClassifier()
        choice = Choice(
            unit: classifier.choice.unit,
            variant: classifier.choice.variant,
            reason: classifier.choice.reason)
    }

    public func read(_ image: DigitImage) async throws -> Reading {
        let best = try await classifier.classify(image.cgImage, topK: 1)[0]
        return Reading(label: best.label, score: best.score)
    }
}
