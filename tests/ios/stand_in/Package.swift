// swift-tools-version: 6.0
// Stand-ins for the parts of Apple's frameworks that generated packages use and Linux lacks.
import PackageDescription

let package = Package(
    name: "AppleStandIns",
    products: [
        .library(
            name: "AppleStandIns", type: .dynamic,
            targets: ["AppleTypes", "CoreGraphics", "CoreVideo", "CoreML"])
    ],
    targets: [
        .target(name: "AppleTypes"),
        .target(name: "CoreGraphics", dependencies: ["AppleTypes"]),
        .target(name: "CoreVideo", dependencies: ["AppleTypes"]),
        .target(name: "CoreML", dependencies: ["AppleTypes", "CoreVideo"]),
    ],
    swiftLanguageModes: [.v6]
)
