// Compiles a package, loads it, and predicts from arrays as an app would.
//
// Arguments: the package, then the compute unit by its raw value. Input and output are what the
// Python side of the test writes and reads: for each feature, in the order of the names, its bytes.

import CoreML
import Foundation

@main
struct Predict {
    static func main() async throws {
        try await predict()
    }

    // Core ML's models may not be handed to the main actor, to which `main` is bound.
    nonisolated static func predict() async throws {
        let package = URL(fileURLWithPath: CommandLine.arguments[1])
        let units = MLComputeUnits(rawValue: Int(CommandLine.arguments[2])!)!
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        let compiled = try await MLModel.compileModel(at: package)
        let model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
        try FileManager.default.removeItem(at: compiled)

        var bytes = FileHandle.standardInput.readDataToEndOfFile()
        var features: [String: Any] = [:]
        let inputs = model.modelDescription.inputDescriptionsByName
        for (name, description) in inputs.sorted(by: { $0.key < $1.key }) {
            let constraint = description.multiArrayConstraint!
            let array = try MLMultiArray(shape: constraint.shape, dataType: constraint.dataType)
            array.withUnsafeMutableBytes { buffer, _ in
                buffer.copyBytes(from: bytes.prefix(buffer.count))
                bytes = bytes.dropFirst(buffer.count)
            }
            features[name] = array
        }
        let provider = try MLDictionaryFeatureProvider(dictionary: features)
        let outputs = try await model.prediction(from: provider)
        for name in outputs.featureNames.sorted() {
            let array = outputs.featureValue(for: name)!.multiArrayValue!
            array.withUnsafeBytes { FileHandle.standardOutput.write(Data($0)) }
        }
    }
}
