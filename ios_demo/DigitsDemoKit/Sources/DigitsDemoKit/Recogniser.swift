/// A drawing that was read, and how long the model took.
public struct Recognition: Sendable, Hashable {
    public let image: DigitImage
    public let reading: Reading
    public let milliseconds: Double
}

/// Makes drawings into images and has them read, away from the main thread.
actor Recogniser {
    private let reader: any DigitReader

    init(_ reader: any DigitReader) {
        self.reader = reader
    }

    /// Returns nil for an empty drawing.
    func recognise(_ drawing: Drawing) async throws -> Recognition? {
        if drawing.isEmpty { return nil }
        let image = DigitImage(drawing)
        let clock = ContinuousClock()
        let began = clock.now
        let reading = try await reader.read(image)
        return Recognition(
            image: image, reading: reading, milliseconds: (clock.now - began).milliseconds)
    }
}
