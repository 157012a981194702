// swift-tools-version: 6.0

import PackageDescription

let package = Package(
    name: "DigitsDemoKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "DigitsDemoKit", targets: ["DigitsDemoKit"])
    ],
    dependencies: [
        .package(path: "../digits")
    ],
    targets: [
        .target(
            name: "DigitsDemoKit",
            dependencies: [.product(name: "DigitClassifier", package: "digits")]
        ),
        .testTarget(name: "DigitsDemoKitTests", dependencies: ["DigitsDemoKit"]),
    ],
    swiftLanguageModes: [.v6]
)
