import Foundation

@testable import Core
@testable import Fakes

/// Creates the model in a process of its own and prints the choice.
///
/// The arguments are a folder, and what the GPU's driver does: it `works`, or it `ends` the app; or
/// that the app `forbids` the CPU.
@main
struct ChooseHere {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let app = try FakeApp(in: URL(fileURLWithPath: arguments[1]))
        let endsApp = arguments[2] == "ends"
        app[.gpu] = Behaviour(nanoseconds: 1, onLoad: { if endsApp { exit(139) } })
        let forbids = arguments[2] == "forbids"
        let policy: ComputeUnitPolicy = forbids ? .without(.gpu, .cpu) : .fastestCorrect
        let choice = try await app.choose(policy)
        print(choice.unit, choice.isRemembered, choice.reason(of: .gpu))
    }
}
