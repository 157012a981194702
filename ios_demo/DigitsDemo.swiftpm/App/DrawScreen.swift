import DigitsDemoKit
import SwiftUI

/// The sheet, and what it is read as.
struct DrawScreen: View {
    @State private var model = DrawModel()
    @State private var attempts = 0
    @Environment(\.scenePhase) private var phase
    @Environment(\.verticalSizeClass) private var height

    /// The drawing while the system has ended the app.
    @SceneStorage("drawing") private var kept: Data?

    var body: some View {
        NavigationStack {
            layout {
                Sheet(model: model)
                ScrollView {
                    AnswerView(model: model) { attempts += 1 }
                }
                .scrollBounceBehavior(.basedOnSize)
            }
            .padding()
            .navigationTitle("Digits")
            .navigationBarTitleDisplayMode(.inline)
            .toolbar {
                ToolbarItem(placement: .topBarLeading) {
                    Button("Clear") { model.replace(with: Drawing()) }
                        .disabled(model.drawing.isEmpty)
                }
                ToolbarItem(placement: .topBarTrailing) {
                    NavigationLink {
                        BenchmarkScreen()
                    } label: {
                        Label("Benchmark", systemImage: "gauge.with.dots.needle.67percent")
                    }
                }
            }
        }
        // Of the stack, not of what is in it: that ends while the benchmark is shown.
        .task(id: attempts) { await model.run() }
        .onAppear { restore() }
        .onChange(of: phase) { keep() }
        .onChange(of: model.recognition?.reading.label) { _, label in
            guard let label else { return }
            AccessibilityNotification.Announcement("It looks like a \(label)").post()
        }
    }

    /// The sheet above the answer, or beside it where there is little height.
    private var layout: AnyLayout {
        height == .compact
            ? AnyLayout(HStackLayout(alignment: .top, spacing: 16))
            : AnyLayout(VStackLayout(spacing: 16))
    }

    private func keep() {
        if phase == .background { kept = try? JSONEncoder().encode(model.drawing) }
    }

    private func restore() {
        guard model.drawing.isEmpty, let kept,
            let drawing = try? JSONDecoder().decode(Drawing.self, from: kept)
        else { return }
        model.replace(with: drawing)
    }
}
