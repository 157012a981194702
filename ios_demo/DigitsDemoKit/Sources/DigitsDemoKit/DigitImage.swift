/// A drawing as the model knows digits: 8×8 pixels, made as those were that it was trained on.
///
/// Those began as scans that were put upright, brought to one size, and given strokes of such a
/// width that every digit holds about as much ink. A pixel then was the share of ink in 4×4 smaller
/// ones. Here the scan is a drawing, and the rest is the same; `README.md` says how well that goes.
public struct DigitImage: Sendable, Hashable {
    /// Pixels along each side.
    public static let side = 8

    /// The pixels row by row: 0 is paper, 255 ink.
    public let grey: [UInt8]

    /// Makes the image of a drawing.
    ///
    /// - Precondition: the drawing is not empty.
    public init(_ drawing: Drawing) {
        precondition(!drawing.isEmpty, "There is nothing in the drawing.")
        grey = shares(ofInk: inked(fitted(upright(lines(of: drawing)))))
    }
}

private let cells = 4
private let grid = DigitImage.side * cells

/// How many cells of the grid hold ink: the mean of the model's own digits.
private let ink = 311

/// The box that the middle of the strokes fits into, in cells.
private let width: Float = 18
private let height: Float = 26

/// A narrow digit may be made wider by this much, and a low one higher.
private let stretch: Float = 2

/// More slant than this is a digit's own shape.
private let steepest = 1.0

private func lines(of drawing: Drawing) -> [Line] {
    drawing.strokes.flatMap { points in
        // A dot is a line without length.
        points.count == 1
            ? [Line(from: points[0], to: points[0])]
            : zip(points, points.dropFirst()).map { Line(from: $0, to: $1) }
    }
}

/// Shears the lines by the slant that they have as a whole.
private func upright(_ lines: [Line]) -> [Line] {
    let length = lines.reduce(0) { $0 + $1.length }
    let x = lines.reduce(0) { $0 + $1.length * $1.middleX } / length
    let y = lines.reduce(0) { $0 + $1.length * $1.middleY } / length
    // How far the ink spreads upwards, and how much of that goes sideways too. A line spreads by a
    // twelfth of its own extent besides where its middle is.
    let spread = lines.reduce(0) { sum, line in
        sum + line.length * (square(line.middleY - y) + square(Double(line.dy)) / 12)
    }
    let aside = lines.reduce(0) { sum, line in
        let own = Double(line.dx * line.dy / 12)
        return sum + line.length * ((line.middleX - x) * (line.middleY - y) + own)
    }
    if length == 0 || spread == 0 { return lines }
    let slant = Float(min(max(aside / spread, -steepest), steepest))
    return lines.map { line in
        line.map { Point(x: $0.x - slant * $0.y, y: $0.y) }
    }
}

/// Moves the lines into the middle of the grid, as large as the box.
private func fitted(_ lines: [Line]) -> [Line] {
    let ends = lines.flatMap { [$0.start, $0.end] }
    let middle = Float(grid) / 2
    guard let left = ends.map(\.x).min(), let right = ends.map(\.x).max(),
        let top = ends.map(\.y).min(), let bottom = ends.map(\.y).max(),
        left < right || top < bottom
    else {
        let centre = Point(x: middle, y: middle)
        return [Line(from: centre, to: centre)]
    }
    let wide = width / (right - left)
    let high = height / (bottom - top)
    let scaleX = min(wide, stretch * high)
    let scaleY = min(high, stretch * wide)
    return lines.map { line in
        line.map { point in
            Point(
                x: (point.x - (left + right) / 2) * scaleX + middle,
                y: (point.y - (top + bottom) / 2) * scaleY + middle)
        }
    }
}

/// Puts the ink where the grid's cells are nearest to the lines.
private func inked(_ lines: [Line]) -> [Bool] {
    let distances = (0..<grid * grid).map { cell in
        let x = Float(cell % grid) + 0.5
        let y = Float(cell / grid) + 0.5
        return lines.reduce(Double.infinity) { min($0, $1.squaredDistance(x, y)) }
    }
    let farthest = distances.sorted()[ink - 1]
    return distances.map { $0 <= farthest }
}

private func shares(ofInk ink: [Bool]) -> [UInt8] {
    (0..<DigitImage.side * DigitImage.side).map { pixel in
        let corner = pixel / DigitImage.side * cells * grid + pixel % DigitImage.side * cells
        let count = (0..<cells * cells).count { cell in
            ink[corner + cell / cells * grid + cell % cells]
        }
        return UInt8((Float(count) * 255 / Float(cells * cells)).rounded())
    }
}

private struct Line {
    let start: Point
    let end: Point

    init(from start: Point, to end: Point) {
        self.start = start
        self.end = end
    }

    var dx: Float { end.x - start.x }
    var dy: Float { end.y - start.y }
    var length: Double { (square(Double(dx)) + square(Double(dy))).squareRoot() }
    var middleX: Double { Double(start.x + end.x) / 2 }
    var middleY: Double { Double(start.y + end.y) / 2 }

    func map(_ move: (Point) -> Point) -> Line {
        Line(from: move(start), to: move(end))
    }

    /// Returns the square of a point's distance from the nearest point of the line.
    func squaredDistance(_ x: Float, _ y: Float) -> Double {
        let whole = square(Double(dx)) + square(Double(dy))
        let across = Double((x - start.x) * dx + (y - start.y) * dy)
        let share = whole == 0 ? 0 : min(max(across / whole, 0), 1)
        return square(Double(start.x) + share * Double(dx) - Double(x))
            + square(Double(start.y) + share * Double(dy) - Double(y))
    }
}

private func square(_ value: Double) -> Double {
    value * value
}
