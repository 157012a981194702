import SwiftUI

/// Draw a digit, and see which one the model takes it for, how fast, and on what.
@main
struct DigitsApp: App {
    var body: some Scene {
        WindowGroup {
            DrawScreen()
        }
    }
}
