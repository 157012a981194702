import Foundation
import Observation

/// What the first screen shows: the drawing, what it was read as, and what runs the model.
@MainActor
@Observable
public final class DrawModel {
    public private(set) var drawing: Drawing
    public private(set) var recognition: Recognition?

    /// What runs the model, or nil while it is loaded.
    public private(set) var choice: Choice?

    /// Why the model cannot be used, or nil.
    public private(set) var failure: String?

    private let open: @Sendable () async throws -> any DigitReader
    private var isDrawing = false

    /// Takes the latest drawing where the model is loaded.
    private var latest: AsyncStream<Drawing>.Continuation?

    /// - Parameters:
    ///   - drawing: what is on the sheet to begin with.
    ///   - open: loads the model, which may take long.
    public init(
        drawing: Drawing = Drawing(),
        open: @escaping @Sendable () async throws -> any DigitReader = { try await ModelReader() }
    ) {
        self.drawing = drawing
        self.open = open
    }

    /// Loads the model and reads every drawing, one after another, until the task is cancelled.
    /// While one is read, newer ones replace those that wait.
    public func run() async {
        failure = nil
        let (drawings, latest) = AsyncStream.makeStream(
            of: Drawing.self, bufferingPolicy: .bufferingNewest(1))
        self.latest = latest
        latest.yield(drawing)
        do {
            let reader = try await open()
            choice = reader.choice
            let recogniser = Recogniser(reader)
            for await drawing in drawings {
                recognition = try await recogniser.recognise(drawing)
            }
        } catch is CancellationError {
            // Nobody looks any more.
        } catch {
            choice = nil
            failure = error.localizedDescription
        }
    }

    /// Begins a stroke, or goes on with it; in shares of the sheet's side.
    public func draw(to point: Point) {
        if isDrawing {
            drawing.extend(to: point)
        } else {
            drawing.begin(at: point)
            isDrawing = true
        }
        changed()
    }

    /// Lifts the pen.
    public func endStroke() {
        isDrawing = false
    }

    /// Takes an empty sheet, or one that was kept.
    public func replace(with drawing: Drawing) {
        self.drawing = drawing
        isDrawing = false
        changed()
    }

    private func changed() {
        latest?.yield(drawing)
    }
}
