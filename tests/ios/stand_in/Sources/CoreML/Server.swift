// Asks the Python process that evaluates models, over the Unix socket that the environment variable
// MOBILEKIT_CORE_ML_SERVER names. A message is the length of some JSON in four bytes (little-endian),
// the length of what follows it in eight, the JSON, and the tensors' bytes.

import AppleTypes
import Glibc

struct Tensor: Codable {
    let name: String
    let dtype: String
    let shape: [Int]
}

struct Described: Codable {
    struct Image: Codable {
        let width: Int
        let height: Int
        let grey: Bool
    }

    let name: String
    let dtype: String
    let shape: [Int]
    let optional: Bool
    let image: Image?
}

struct Description: Codable {
    let key: String
    let inputs: [Described]
    let outputs: [Described]
    let metadata: [String: String]
}

enum Server {
    private struct Request: Codable {
        var describe: String?
        var predict: String?
        var inputs: [Tensor] = []
    }

    private struct Answer: Codable {
        let error: String?
        let description: Description?
        let outputs: [Tensor]?
    }

    static func describe(_ package: URL) throws -> Description {
        guard FileManager.default.fileExists(atPath: package.path) else {
            throw MLModelError(.io, "There is no model at \(package.path).")
        }
        let (answer, _) = try ask(Request(describe: package.path), Data(), .io)
        guard let description = answer.description else {
            throw MLModelError(.io, "The server described nothing.")
        }
        return description
    }

    static func predict(
        _ key: String, _ inputs: [Tensor], _ payload: Data
    ) throws -> ([Tensor], Data) {
        let (answer, bytes) = try ask(Request(predict: key, inputs: inputs), payload, .generic)
        return (answer.outputs ?? [], bytes)
    }

    private static func ask(
        _ request: Request, _ payload: Data, _ code: MLModelError.Code
    ) throws -> (Answer, Data) {
        let connection = try connect()
        defer { close(connection) }
        let json = try JSONEncoder().encode(request)
        var message = Data()
        withUnsafeBytes(of: UInt32(json.count).littleEndian) { message.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt64(payload.count).littleEndian) { message.append(contentsOf: $0) }
        message.append(json)
        message.append(payload)
        try write(message, to: connection)
        let header = try read(12, from: connection)
        let sizes = header.withUnsafeBytes {
            (
                Int($0.loadUnaligned(as: UInt32.self)),
                Int($0.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
            )
        }
        let answer = try JSONDecoder().decode(Answer.self, from: read(sizes.0, from: connection))
        if let error = answer.error { throw MLModelError(code, error) }
        return (answer, try read(sizes.1, from: connection))
    }

    private static func connect() throws -> Int32 {
        guard let path = getenv("MOBILEKIT_CORE_ML_SERVER").map({ String(cString: $0) }) else {
            throw MLModelError(.generic, "MOBILEKIT_CORE_ML_SERVER names no socket.")
        }
        let connection = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        precondition(name.count < MemoryLayout.size(ofValue: address.sun_path), "Too long: \(path)")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, length)
            }
        }
        guard result == 0 else {
            close(connection)
            throw MLModelError(.generic, "No server answers at \(path).")
        }
        return connection
    }

    private static func write(_ data: Data, to connection: Int32) throws {
        try data.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = send(
                    connection, bytes.baseAddress! + done, bytes.count - done,
                    Int32(MSG_NOSIGNAL))
                guard count > 0 else { throw MLModelError(.generic, "The server went away.") }
                done += count
            }
        }
    }

    private static func read(_ count: Int, from connection: Int32) throws -> Data {
        var data = Data(count: count)
        try data.withUnsafeMutableBytes { bytes in
            var done = 0
            while done < count {
                let got = recv(connection, bytes.baseAddress! + done, count - done, 0)
                guard got > 0 else { throw MLModelError(.generic, "The server went away.") }
                done += got
            }
        }
        return data
    }
}
