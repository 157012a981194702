// swift-tools-version: 6.0

// Xcode opens this folder as an app. `AppleProductTypes` comes with it.
import AppleProductTypes
import PackageDescription

let package = Package(
    name: "Digits",
    platforms: [.iOS("17.0")],
    products: [
        .iOSApplication(
            name: "Digits",
            targets: ["App"],
            bundleIdentifier: "com.example.digits.demo",
            displayVersion: "1.0",
            bundleVersion: "1",
            appIcon: .placeholder(icon: .pencil),
            accentColor: .presetColor(.blue),
            supportedDeviceFamilies: [.phone, .pad],
            supportedInterfaceOrientations: [
                .portrait,
                .landscapeLeft,
                .landscapeRight,
                .portraitUpsideDown(.when(deviceFamilies: [.pad])),
            ]
        )
    ],
    dependencies: [
        .package(path: "../DigitsDemoKit"),
        .package(path: "../digits"),
    ],
    targets: [
        .executableTarget(
            name: "App",
            dependencies: [
                .product(name: "DigitsDemoKit", package: "DigitsDemoKit"),
                .product(name: "DigitClassifier", package: "digits"),
            ],
            path: "App"
        )
    ],
    swiftLanguageModes: [.v6]
)
