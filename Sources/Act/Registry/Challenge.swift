// `WWW-Authenticate` headers (RFC 9110 11.6.1): which scheme a registry wants and its parameters.

struct Challenge: Hashable, Sendable {
  /// In lower case.
  var scheme: String
  var parameters: [String: String]

  /// One header of one challenge: `Bearer realm="…",service="…",scope="…"`.
  init?(_ header: String) {
    let text = header.trimmingSpace()
    guard let blank = text.firstIndex(of: " ") else {
      guard !text.isEmpty else { return nil }
      (scheme, parameters) = (text.lowercased(), [:])
      return
    }
    scheme = text[..<blank].lowercased()
    parameters = [:]
    var rest = Array(text[blank...].utf8)[...]
    func isBlank(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: ",")
    }
    while true {
      rest = rest.drop(while: isBlank)
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return }
      let name = String(decoding: rest[..<equals], as: UTF8.self).trimmingSpace().lowercased()
      rest = rest[(equals + 1)...]
      var value: [UInt8] = []
      if rest.first == UInt8(ascii: "\"") {
        rest = rest.dropFirst()
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
          if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
            value.append(escaped)
          } else {
            value.append(byte)
          }
        }
      } else {
        let end = rest.firstIndex(where: isBlank) ?? rest.endIndex
        value = Array(rest[..<end])
        rest = rest[end...]
      }
      parameters[name] = String(decoding: value, as: UTF8.self)
    }
  }
}

/// For a query: all but unreserved characters as `%XX`.
package func percentEncoded(_ text: String) -> String {
  var result = ""
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      result.unicodeScalars.append(Unicode.Scalar(byte))
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
    }
  }
  return result
}
