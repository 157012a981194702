// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "StandIn",
    products: [.executable(name: "predict", targets: ["predict"])],
    targets: [
        .executableTarget(name: "predict"),
        .testTarget(name: "StandInTests"),
    ],
    swiftLanguageModes: [.v6]
)
