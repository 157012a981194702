import DigitClassifier
import DigitsDemoKit
import SwiftUI

/// Times every compute unit, one after another.
struct BenchmarkScreen: View {
    @State private var model = BenchmarkModel()
    @State private var runs = 0
    @Environment(\.scenePhase) private var phase

    var body: some View {
        List {
            Section {
                ForEach(model.units, id: \.self) { unit in
                    row(unit)
                }
            } footer: {
                Text(
                    """
                    Each compute unit first has to answer as the trained model did. Then it \
                    recognises a digit again and again, and every call is timed, with the \
                    conversion of the image.
                    """)
            }
            Button("Run again") {
                model.clear()
                runs += 1
            }
            .disabled(!model.isComplete)
        }
        .navigationTitle("Benchmark")
        .task(id: Run(number: runs, isSeen: phase != .background)) {
            // Apps in the background may not use the GPU; what was under way begins again later.
            if phase != .background { await model.runTheRest() }
        }
    }

    private struct Run: Hashable {
        let number: Int
        let isSeen: Bool
    }

    private func row(_ unit: ComputeUnit) -> some View {
        VStack(alignment: .leading, spacing: 4) {
            HStack(alignment: .firstTextBaseline) {
                Text(unit.title)
                    .font(.headline)
                Spacer()
                Text(result(of: unit))
                    .monospacedDigit()
            }
            if model.running == unit {
                ProgressView()
                    .progressViewStyle(.linear)
            } else {
                ProgressView(value: model.share(of: unit))
                    .accessibilityHidden(true)
            }
            if let details = details(of: unit) {
                Text(details)
                    .font(.footnote)
                    .foregroundStyle(.secondary)
            }
        }
        .accessibilityElement(children: .combine)
    }

    private func result(of unit: ComputeUnit) -> String {
        switch model.results[unit] {
        case .timed(let timing, _, _): "\(words(forMilliseconds: timing.median)) ms"
        case .unusable: "Not used here"
        case nil: model.running == unit ? "Running…" : "Waits for its turn"
        }
    }

    private func details(of unit: ComputeUnit) -> String? {
        switch model.results[unit] {
        case .timed(let timing, let ready, let doubt):
            let slow = words(forMilliseconds: timing.percentile(0.9))
            let times = "\(timing.calls) calls: 90 % took at most \(slow) ms. "
                + "Ready after \(words(forMilliseconds: ready)) ms."
            guard let doubt else { return times }
            return times + "\nIts answers are not those of the trained model: \(doubt)"
        case .unusable(let reason):
            return reason
        case nil:
            return nil
        }
    }
}
