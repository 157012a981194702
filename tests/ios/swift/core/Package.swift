// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Core",
    targets: [
        .target(name: "Core"),
        .target(name: "Fakes", dependencies: ["Core"]),
        .executableTarget(name: "ChooseHere", dependencies: ["Core", "Fakes"]),
        .testTarget(name: "CoreTests", dependencies: ["Core", "Fakes"]),
    ]
)
