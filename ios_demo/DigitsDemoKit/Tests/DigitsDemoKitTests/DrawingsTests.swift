import XCTest

@testable import DigitsDemoKit

final class DrawingsTests: XCTestCase {
    /// The drawings of people, through the app's own code and the model. `README.md` states how
    /// many are recognised.
    func testDrawingsAreRecognised() async throws {
        let reader = try await ModelReader()
        let drawings = try peoplesDrawings()
        XCTAssertEqual(drawings.count, 200)
        var recognised = 0
        for (label, drawing) in drawings {
            let reading = try await reader.read(DigitImage(drawing))
            if reading.label == label { recognised += 1 }
        }
        print("\(recognised) of \(drawings.count) drawings are recognised.")
        XCTAssertGreaterThan(recognised, 180)
    }

    /// Reads the file that both demos share.
    private func peoplesDrawings() throws -> [(String, Drawing)] {
        var root = URL(filePath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        let file = root.appending(path: "android_demo/app/src/test/resources/drawings.txt")
        return try String(contentsOf: file, encoding: .utf8)
            .split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
            .map { line in
                let (label, strokes) = (line.prefix(1), line.dropFirst(2))
                let numbers = strokes.split(separator: ";").map { stroke in
                    stroke.split { $0 == " " || $0 == "," }.compactMap { Float($0) }
                }
                return (String(label), drawing(of: numbers))
            }
    }
}
