import Foundation

@testable import Core

/// A model with four inputs and three scores.
enum TestModel {
    static let inputs = 4
    static let outputs = 3
    static let count = 8

    /// Numbers from -1 to 1, always the same (Knuth's linear congruential generator).
    static func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    private static let weights = numbers(inputs * outputs, seed: 1)

    static let samples = (0..<count).map { numbers(inputs, seed: UInt64($0) + 2) }

    static func answer(_ input: [Float]) -> [Float] {
        (0..<outputs).map { output in
            (0..<inputs).reduce(Float(0)) { $0 + input[$1] * weights[output * inputs + $1] }
        }
    }

    static func spec(
        _ variants: [String],
        budget: Budget = Budget(snrDb: 20, cosine: 0.95, agreement: 0.9)
    ) throws -> ModelSpec {
        ModelSpec(
            name: "Test",
            inputs: [TensorSpec(name: "x", shape: [1, inputs], dtype: .float32)],
            outputs: [
                TensorSpec(name: "y", shape: [1, outputs], dtype: .float32, isClassified: true)
            ],
            artifacts: variants.map { variant in
                ArtifactSpec(
                    variant: variant,
                    resource: "\(variant).mlpackage",
                    sha256: sha256(content(variant)),
                    inputs: [StoredTensor(name: "x")],
                    outputs: [StoredTensor(name: "y")],
                    budget: budget)
            },
            golden: GoldenSpec(
                samples: count, inputs: ["golden/input-0.bin"], outputs: ["golden/output-0.bin"]))
    }

    /// Writes the resources into a folder.
    static func write(_ variants: [String], to folder: URL) throws {
        let golden = folder.appendingPathComponent("golden")
        let manager = FileManager.default
        try manager.createDirectory(at: golden, withIntermediateDirectories: true)
        try bytes(samples).write(to: golden.appendingPathComponent("input-0.bin"))
        try bytes(samples.map(answer)).write(to: golden.appendingPathComponent("output-0.bin"))
        for variant in variants {
            let package = folder.appendingPathComponent("\(variant).mlpackage")
            for (path, data) in content(variant) {
                let file = package.appendingPathComponent(path)
                try manager.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try data.write(to: file)
            }
        }
    }

    static func bytes(_ samples: [[Float]]) -> Data {
        samples.joined().reduce(into: Data()) { data, value in
            withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
    }

    /// The files of a package, sorted.
    private static func content(_ variant: String) -> [(path: String, data: Data)] {
        [
            ("Data/com.apple.CoreML/model.mlmodel", Data("the model of \(variant)".utf8)),
            ("Data/com.apple.CoreML/weights/weight.bin", Data(repeating: 7, count: 100_000)),
            ("Manifest.json", Data("{}".utf8)),
        ]
    }

    private static func sha256(_ files: [(path: String, data: Data)]) -> String {
        let lines = files.map { "\(digest(of: $0.data))  \($0.path)\n" }
        return digest(of: Data(lines.joined().utf8))
    }

    static func digest(of data: Data) -> String {
        var digest = SHA256()
        data.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }
}

/// Resources in a folder.
struct FolderResources: ModelResources {
    let folder: URL

    func url(_ path: String) -> URL { folder.appendingPathComponent(path) }
}
