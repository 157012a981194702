import DigitsDemoKit
import SwiftUI

/// A square sheet that a finger draws on.
struct Sheet: View {
    let model: DrawModel

    /// The pen's width in shares of the sheet's side.
    private static let pen = 0.06

    /// Becomes false however the finger leaves, also where another gesture takes over.
    @GestureState private var isDrawing = false

    var body: some View {
        GeometryReader { geometry in
            let side = min(geometry.size.width, geometry.size.height)
            Canvas { context, size in
                let style = StrokeStyle(
                    lineWidth: Self.pen * size.width, lineCap: .round, lineJoin: .round)
                for stroke in model.drawing.strokes {
                    context.stroke(path(stroke, size.width), with: .foreground, style: style)
                }
            }
            .frame(width: side, height: side)
            .background(.background.secondary, in: .rect(cornerRadius: 16))
            .contentShape(.rect)
            .gesture(drag(side))
            .position(x: geometry.size.width / 2, y: geometry.size.height / 2)
        }
        .aspectRatio(1, contentMode: .fit)
        .onChange(of: isDrawing) { _, isDrawing in
            if !isDrawing { model.endStroke() }
        }
        .accessibilityElement()
        .accessibilityLabel("Drawing area")
        .accessibilityValue(model.drawing.isEmpty ? "Empty" : "Drawn on")
        .accessibilityHint("Draw a digit with your finger")
        .accessibilityAddTraits(.allowsDirectInteraction)
    }

    private func drag(_ side: CGFloat) -> some Gesture {
        DragGesture(minimumDistance: 0)
            .updating($isDrawing) { _, isDrawing, _ in isDrawing = true }
            .onChanged { drag in
                let x = Float(drag.location.x / side)
                let y = Float(drag.location.y / side)
                model.draw(to: Point(x: x, y: y))
            }
    }

    /// Returns a smooth line through the points, enlarged.
    private func path(_ stroke: [Point], _ scale: CGFloat) -> Path {
        let points = stroke.map { CGPoint(x: scale * CGFloat($0.x), y: scale * CGFloat($0.y)) }
        guard let first = points.first, let last = points.last else { return Path() }
        var path = Path()
        path.move(to: first)
        for (point, next) in zip(points, points.dropFirst()) {
            let middle = CGPoint(x: (point.x + next.x) / 2, y: (point.y + next.y) / 2)
            path.addQuadCurve(to: middle, control: point)
        }
        path.addLine(to: last)
        return path
    }
}
