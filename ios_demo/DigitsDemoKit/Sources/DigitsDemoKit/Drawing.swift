/// A place on the sheet, in any unit; `y` grows downwards.
public struct Point: Sendable, Hashable, Codable {
    public var x: Float
    public var y: Float

    public init(x: Float, y: Float) {
        self.x = x
        self.y = y
    }
}

/// What was drawn: strokes, and the points of each.
public struct Drawing: Sendable, Hashable, Codable {
    public private(set) var strokes: [[Point]]

    public init(strokes: [[Point]] = []) {
        self.strokes = strokes
    }

    public var isEmpty: Bool { strokes.allSatisfy(\.isEmpty) }

    /// Begins a stroke.
    mutating func begin(at point: Point) {
        strokes.append([point])
    }

    /// Goes on with the latest stroke.
    mutating func extend(to point: Point) {
        strokes[strokes.count - 1].append(point)
    }
}
