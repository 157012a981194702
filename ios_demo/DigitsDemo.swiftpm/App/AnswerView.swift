import DigitsDemoKit
import SwiftUI

/// The digit, its score, what the model sees, how long it took, and what runs the model and why.
struct AnswerView: View {
    let model: DrawModel
    let tryAgain: @MainActor () -> Void

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            if let recognition = model.recognition {
                answer(recognition)
            } else {
                Text("Draw a digit")
                    .font(.title2)
            }
            Divider()
            runner
        }
        .frame(maxWidth: .infinity, alignment: .leading)
    }

    private func answer(_ recognition: Recognition) -> some View {
        let score = recognition.reading.score.formatted(.percent.precision(.fractionLength(0)))
        let time = words(forMilliseconds: recognition.milliseconds)
        return HStack(spacing: 16) {
            Text(recognition.reading.label)
                .font(.system(.largeTitle, design: .rounded, weight: .bold))
                .accessibilityLabel("It looks like a \(recognition.reading.label)")
            VStack(alignment: .leading) {
                Text("Score \(score)")
                Text("\(time) ms")
                    .foregroundStyle(.secondary)
                    .accessibilityLabel("\(time) milliseconds")
            }
            .monospacedDigit()
            Spacer()
            // Its pixels are shown as they are, large and sharp.
            Image(
                recognition.image.cgImage,
                scale: 1,
                label: Text("What the model sees: your drawing in 8 by 8 pixels")
            )
            .interpolation(.none)
            .resizable()
            .frame(width: 64, height: 64)
            .clipShape(.rect(cornerRadius: 8))
        }
    }

    @ViewBuilder private var runner: some View {
        if let failure = model.failure {
            Label("The model cannot run on this device", systemImage: "exclamationmark.triangle")
                .font(.headline)
            Text(failure)
                .font(.footnote)
            Button("Try again", action: tryAgain)
        } else if let choice = model.choice {
            Text("Runs on the \(choice.unit.title) with \(choice.variant)")
                .font(.headline)
            Text(choice.reason)
                .font(.footnote)
                .foregroundStyle(.secondary)
        } else {
            ProgressView("Getting the model ready…")
        }
    }
}
