import Foundation
import XCTest

@testable import Core
@testable import Fakes

/// Against the examples of FIPS 180-4 and the NIST's, and against itself in pieces.
final class SHA256Tests: XCTestCase {
    func testTheExamplesOfTheStandard() {
        let long =
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
            + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
        let examples = [
            "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            long: "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ]
        for (text, digest) in examples {
            XCTAssertEqual(TestModel.digest(of: Data(text.utf8)), digest)
        }
    }

    func testAMillionLetters() {
        XCTAssertEqual(
            TestModel.digest(of: Data(repeating: 0x61, count: 1_000_000)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    func testPiecesOfAnyLengthMakeTheSame() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 300] {
            let whole = TestModel.digest(of: Data(bytes[..<length]))
            for piece in [1, 3, 63, 64, 65, 299] {
                var digest = SHA256()
                for start in stride(from: 0, to: length, by: piece) {
                    bytes[start..<min(start + piece, length)].withUnsafeBytes { digest.update($0) }
                }
                XCTAssertEqual(digest.finish(), whole, "\(length) bytes in pieces of \(piece)")
            }
        }
    }
}
