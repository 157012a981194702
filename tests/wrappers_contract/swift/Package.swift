// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "classify",
    platforms: [.iOS(.v16), .macOS(.v13)],
    dependencies: [.package(path: "../DigitClassifier")],
    targets: [
        .executableTarget(name: "classify", dependencies: ["DigitClassifier"])
    ],
    swiftLanguageModes: [.v6]
)
