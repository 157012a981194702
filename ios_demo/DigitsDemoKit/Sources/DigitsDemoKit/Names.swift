import DigitClassifier

extension ComputeUnit {
    /// What users know it as.
    public var title: String {
        switch self {
        case .cpu: "CPU"
        case .gpu: "GPU"
        case .neuralEngine: "Neural Engine"
        case .all: "CPU, GPU and Neural Engine"
        }
    }
}
