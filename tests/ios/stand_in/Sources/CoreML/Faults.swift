// How a compute unit goes wrong, as the environment variable MOBILEKIT_CORE_ML_FAULTS says:
// "cpuAndNeuralEngine=nan,cpuAndGPU=slow:0.05+drifts". It is read when a model is loaded and at every
// prediction, so that a test may set it with `setenv`.
//
//   throwsOnLoad, hangsOnLoad    loading fails, or never ends (it ends when its task is cancelled)
//   throwsOnRun, hangsOnRun      so does a prediction
//   slow:S, slowToLoad:S         a prediction, or loading, takes S seconds more
//   drifts                       every output is five per cent too large
//   errsSometimes                one prediction in five is as wrong as can be: its outputs are reversed
//   nan                          the first value of every output of floats is not a number

import AppleTypes

final class Faults {
    private let unit: MLComputeUnits
    private var predictions = 0

    init(of unit: MLComputeUnits) {
        self.unit = unit
    }

    func load() throws {
        if told("throwsOnLoad") != nil { throw failure("cannot load it") }
    }

    func loadLater() async throws {
        try load()
        if told("hangsOnLoad") != nil { try await forever() }
        if let seconds = told("slowToLoad") { try await pause(seconds) }
    }

    func run() throws {
        if told("throwsOnRun") != nil { throw failure("cannot run it") }
        if told("hangsOnRun") != nil { while true { sleep(3600) } }
        if let seconds = told("slow") { Thread.sleep(forTimeInterval: Double(seconds) ?? 0) }
    }

    func runLater() async throws {
        if told("throwsOnRun") != nil { throw failure("cannot run it") }
        if told("hangsOnRun") != nil { try await forever() }
        if let seconds = told("slow") { try await pause(seconds) }
    }

    func spoil(_ outputs: [MLMultiArray]) {
        predictions += 1
        for array in outputs {
            if told("drifts") != nil {
                for index in 0..<array.count {
                    array[index] = NSNumber(value: array[index].doubleValue * 1.05)
                }
            }
            if told("nan") != nil, array.dataType.rawValue & 0x10000 != 0 {
                array[0] = NSNumber(value: Double.nan)
            }
            if told("errsSometimes") != nil, predictions % 5 == 0 {
                let values = (0..<array.count).map { array[$0] }
                for (index, value) in values.reversed().enumerated() { array[index] = value }
            }
        }
    }

    /// Returns a fault's argument, an empty text where it has none, or nil where it was not asked for.
    private func told(_ fault: String) -> String? {
        guard let text = getenv("MOBILEKIT_CORE_ML_FAULTS").map({ String(cString: $0) }) else {
            return nil
        }
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, sides[0] == unit.name else { continue }
            for each in sides[1].split(separator: "+") {
                let words = each.split(separator: ":", maxSplits: 1)
                if words[0] == fault { return words.count == 2 ? String(words[1]) : "" }
            }
        }
        return nil
    }

    private func failure(_ what: String) -> MLModelError {
        MLModelError(.generic, "The compute unit \(unit.name) \(what).")
    }

    private func forever() async throws {
        try await Task.sleep(nanoseconds: 1_000_000_000_000)
    }

    private func pause(_ seconds: String) async throws {
        try await Task.sleep(nanoseconds: UInt64((Double(seconds) ?? 0) * 1e9))
    }
}
