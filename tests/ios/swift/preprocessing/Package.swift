// swift-tools-version: 6.0
import PackageDescription

// Optimised, since thousands of images are converted.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"])]

let package = Package(
    name: "Pixels",
    targets: [
        .target(name: "Pixels", swiftSettings: optimised),
        .testTarget(name: "PixelsTests", dependencies: ["Pixels"], swiftSettings: optimised),
    ]
)
