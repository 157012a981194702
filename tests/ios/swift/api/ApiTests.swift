import XCTest

@testable import Mixer

/// Answers whatever it is told to, and keeps what it was asked.
private actor StandInEngine: Engine {
    private(set) var asked: [[TensorValues]] = []
    private let answer: [TensorValues]

    init(_ answer: [TensorValues]) {
        self.answer = answer
    }

    func run(_ inputs: [TensorValues]) async throws -> [TensorValues] {
        asked.append(inputs)
        return answer
    }
}

private let shade = (0..<80).map { Float($0) / 80 }

private func answer(
    loud: [Float] = [0.2, 0.5, 0.3], bright: [Float] = [0.25], shade: [Float] = shade,
    later: [Int32] = [1, 2]
) -> [TensorValues] {
    [.float32(loud), .float32(bright), .float32(shade), .int32(later)]
}

private func model(_ engine: StandInEngine) throws -> Mixer {
    let choice = ComputeUnitChoice(
        unit: .cpu, variant: "coreml-fp16", reason: "A test.", isCorrect: true, trials: [],
        isRemembered: false)
    return try Mixer(
        runner: ModelRunner(engine, choice: choice), resources: BundleResources(.main))
}

private let picture = [Float](repeating: 0.5, count: 240)
private let sound = [Float](repeating: 0.25, count: 30)
private let time: [Int32] = [3, 4]

final class ApiTests: XCTestCase {
    func testValuesReachTheModelInItsOrder() async throws {
        let engine = StandInEngine(answer())
        let values = try await model(engine).run(
            picture: picture, left: sound, right: sound.map { -$0 }, time: time)
        let asked = await engine.asked
        XCTAssertEqual(
            asked,
            [[.float32(picture), .float32(sound), .float32(sound.map { -$0 }), .int32(time)]])
        XCTAssertEqual(values.loud, [0.2, 0.5, 0.3])
        XCTAssertEqual(values.shade, shade)
        XCTAssertEqual(values.later, [1, 2])
    }

    func testClassesComeSortedWithLabels() {
        let labels = ["a", "b", "c", "d"]
        let top = topClasses([0.1, 0.4, 0.4, 0.3], labels, 3)
        XCTAssertEqual(top.map(\.label), ["b", "c", "d"])
        XCTAssertEqual(top.map(\.index), [1, 2, 3])
        XCTAssertEqual(top.map(\.score), [0.4, 0.4, 0.3])
        XCTAssertEqual(topClasses([0.1, 0.4, 0.4, 0.3], labels, 9).count, 4)
        XCTAssertEqual(topClasses([0.25], ["no", "yes"], 1).map(\.label), ["no"])
        XCTAssertEqual(topClasses([0.25], ["no", "yes"], 2).map(\.score), [0.75, 0.25])
    }

    func testEveryOrderOfScoresIsSorted() {
        for number in 0..<256 {
            let scores = (0..<4).map { Float(number >> ($0 * 2) & 3) }
            for count in 1...4 {
                let expected = scores.indices.sorted {
                    (scores[$1], $0) < (scores[$0], $1)
                }
                let found = topClasses(scores, ["a", "b", "c", "d"], count).map(\.index)
                XCTAssertEqual(found, Array(expected.prefix(count)), "\(scores)")
            }
        }
    }

    func testNaNInAnInputIsNamed() async throws {
        var broken = picture
        broken[7] = .nan
        let model = try model(StandInEngine(answer()))
        do {
            _ = try await model.run(picture: broken, left: sound, right: sound, time: time)
            XCTFail("NaN was taken.")
        } catch let error as ModelError {
            XCTAssertEqual(
                error, .invalidInput("The values for picture hold NaN at index 7."))
        }
    }

    func testAnArrayOfAnotherSizeIsRefused() async throws {
        let model = try model(StandInEngine(answer()))
        do {
            _ = try await model.run(picture: picture, left: sound, right: sound, time: [1])
            XCTFail("It was taken.")
        } catch let error as ModelError {
            XCTAssertEqual(
                error, .invalidInput("The array for time has 1 values; the model has 2."))
        }
    }

    func testNaNInAnAnswerIsNamed() async throws {
        let model = try model(StandInEngine(answer(loud: [0, 1, .nan])))
        do {
            _ = try await model.run(picture: picture, left: sound, right: sound, time: time)
            XCTFail("NaN was passed on.")
        } catch let error as ModelError {
            XCTAssertEqual(
                error, .runFailed("The model's answer loud holds NaN at index 2."))
        }
    }

    func testAnAnswerOfAnotherSizeIsRefused() async throws {
        let model = try model(StandInEngine(answer(later: [1])))
        do {
            _ = try await model.run(picture: picture, left: sound, right: sound, time: time)
            XCTFail("It was passed on.")
        } catch ModelError.runFailed(let words) {
            XCTAssertTrue(words.contains("later"), words)
        }
    }

    func testMasksAreReadByPixel() {
        let mask = Mask(width: 2, height: 2, channels: 2, values: [0, 1, 3, 2, 4, 4, 6, 7])
        XCTAssertEqual(mask.value(x: 1, y: 0), 3)
        XCTAssertEqual(mask.value(x: 1, y: 1, channel: 1), 7)
        XCTAssertEqual(mask.bestClasses(), [1, 0, 0, 1])
        XCTAssertEqual(mask.bestClass(x: 1, y: 1), 1)
        let single = Mask(width: 2, height: 1, channels: 1, values: [0.5, 0.4])
        XCTAssertEqual(single.bestClasses(), [1, 0])
    }

    func testTopKIsChecked() {
        XCTAssertNoThrow(try requireTopK(1))
        XCTAssertThrowsError(try requireTopK(0))
    }

    func testLabelsAreReadAsTheyAre() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let labels = ["", "\\(1) \"two\"", "\u{202E}three\r", "dâtte"]
        let text = Data(labels.joined(separator: "\n").utf8)
        try text.write(to: folder.appendingPathComponent("labels.txt"))
        let resources = FolderResources(folder: folder)
        XCTAssertEqual(try readLabels("labels.txt", classes: 4, in: resources), labels)
        XCTAssertThrowsError(try readLabels("labels.txt", classes: 5, in: resources)) { error in
            XCTAssertEqual(
                error as? ModelError,
                .corrupted(resource: "labels.txt", expected: "5 labels", found: "4 labels"))
        }
        XCTAssertThrowsError(try readLabels("none.txt", classes: 4, in: resources))
        XCTAssertEqual(indexLabels(2), ["0", "1"])
    }
}

private struct FolderResources: ModelResources {
    let folder: URL

    func url(_ path: String) -> URL {
        folder.appendingPathComponent(path)
    }
}
