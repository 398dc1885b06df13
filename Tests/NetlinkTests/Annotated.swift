// Recorded bytes with words beside them: `OFFSET: BYTES  WORDS` on each line of a file below
// `Tests/Fixtures/netlink`, lines with `#` are remarks.

import Glibc
import Linux
import Netlink
import SystemPackage
import TestSupport
import Testing

/// The bytes of a file. Each line must stand where it says.
func recorded(_ name: String) throws -> [UInt8] {
  let path = FilePath("\(repositoryTop)/Tests/Fixtures/netlink/\(name).txt")
  let content = try Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20)
  var bytes: [UInt8] = []
  for line in String(decoding: content, as: UTF8.self).split(separator: "\n") {
    if line.hasPrefix("#") { continue }
    let parts = line.split(separator: ":", maxSplits: 1)
    let offset = parts.first?.split(separator: " ").first.flatMap { Int($0) }
    try #require(offset == bytes.count, "`\(line)` of \(name) stands at \(bytes.count)")
    let columns = try #require(parts.last).split(separator: "  ", omittingEmptySubsequences: true)
    for pair in try #require(columns.first).split(separator: " ") {
      bytes.append(try #require(UInt8(pair, radix: 16), "`\(pair)` of \(name)"))
    }
  }
  return bytes
}

/// The messages of a recorded answer.
func recordedMessages(_ name: String) throws -> [NetlinkMessage] {
  var rest = try recorded(name)[...]
  var messages: [NetlinkMessage] = []
  while let message = NetlinkMessage.next(&rest) { messages.append(message) }
  #expect(rest.isEmpty)
  return messages
}

/// Two bytes in a line, for what is not equal.
func lines(_ bytes: [UInt8]) -> String {
  stride(from: 0, to: bytes.count, by: 4).map { start in
    let digits = bytes[start..<min(start + 4, bytes.count)].map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "\(start): \(digits.joined(separator: " "))"
  }.joined(separator: "\n")
}
