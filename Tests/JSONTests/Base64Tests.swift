// Bytes as text, both ways.

import JSON
import Testing

@Suite("Bytes")
struct Base64Tests {
  @Test("are encoded as RFC 4648 says", arguments: ["", "f", "fo", "foo", "foob", "user:päss"])
  func base64(_ text: String) {
    let encoded = Base64.encode(Array(text.utf8))
    #expect(Base64.decode(encoded) == Array(text.utf8))
    #expect(encoded.utf8.count.isMultiple(of: 4))
  }

  @Test("known values")
  func known() {
    #expect(Base64.encode(Array("foob".utf8)) == "Zm9vYg==")
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    #expect(Base64.decode("%%") == nil)
  }
}
