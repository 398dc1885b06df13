// Where faults are shown, in texts with unusual line ends and encodings.

@testable import Compose
import Diagnostics
import Testing

@Suite("a fault shows the line that it is in")
struct PlaceTests {
  @Test(
    "whatever ends the lines, and whatever stands before the first",
    arguments: [
      ("lone CR", "services:\r  a: {image: b}\r  c: {imag: d}\n", 3, 7, "  c: {imag: d}"),
      ("CR LF", "services:\r\n  a: {imag: d}\r\n", 2, 7, "  a: {imag: d}"),
      ("NEL", "services:\u{85}  a: {imag: d}\n", 2, 7, "  a: {imag: d}"),
      ("line separator", "# é\u{2028}services: {a: {imag: d}}", 2, 16, "services: {a: {imag: d}}"),
      ("byte order mark", "\u{FEFF}services: {a: {imag: d}}", 1, 16, "services: {a: {imag: d}}"),
      ("control character", "services:\r  a: \u{1}\n", 2, 6, "  a: \u{1}"),
    ])
  func lines(label: String, text: String, line: Int, column: Int, excerpt: String) throws {
    let fault = try #require(faults(text).first { !$0.summary.contains("neither") }, "\(label)")
    #expect(fault.span?.line == line, "\(label)")
    #expect(fault.span?.column == column, "\(label)")
    #expect(fault.excerpt == excerpt, "\(label)")
  }

  @Test("a text in UTF-16 is read, with its places")
  func wideText() throws {
    let units = Array("\u{FEFF}services:\n  é: {image: b}\n".utf16)
    for isLittle in [true, false] {
      let bytes = units.flatMap { unit in
        let pair = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
        return isLittle ? pair.reversed() : pair
      }
      let findings = Findings()
      var sources = Sources()
      let text = utf8(bytes)
      let file = sources.add(path: "/a", shown: "a", bytes: text)
      let root = try #require(readDocuments(text, file: file, findings).first)
      let entry = try #require(root["services"]?.map?.entries.first)
      findings.add(Fault(.badName, "here", at: entry.keyOrigin))
      let fault = try #require(findings.diagnostics(sources).first)
      #expect(fault.excerpt == "  é: {image: b}")
      #expect(fault.span == SourceSpan(file: "a", line: 2, column: 3))
    }
    #expect(utf8([0xFF, 0xFE, 0x61]) == [])
    #expect(utf8(Array("é".utf8)) == Array("é".utf8))
  }
}
