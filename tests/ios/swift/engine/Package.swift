// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Engines",
    targets: [
        .target(name: "Models"),
        .testTarget(name: "EngineTests", dependencies: ["Models"]),
    ],
    swiftLanguageModes: [.v6]
)
