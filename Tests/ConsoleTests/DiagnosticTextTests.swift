// Messages as text.

import Console
import Diagnostics
import Testing

@Suite("a message")
struct DiagnosticTextTests {
  @Test("lines of a cause stand below it, and what a container wrote cannot move the cursor")
  func causes() {
    let diagnostic = Diagnostic(
      "container db-1 is unhealthy",
      causes: ["its last probe ended with 1:\nno\u{1B}[2Jthing\r\nat all", "alone"],
      span: SourceSpan(file: "compose.yaml", line: 3, column: 5), hint: "mend it")
    #expect(
      text(of: diagnostic, style: Style(coloured: false)) == """
        error: container db-1 is unhealthy
          cause: its last probe ended with 1:
            no\\x1b[2Jthing\\x0d
            at all
          cause: alone
          --> compose.yaml:3:5
        hint: mend it

        """)
  }
  @Test(
    "on one line it names its file from the folder on",
    arguments: [
      ("/w", "a/Dockerfile:3"), ("/w/", "a/Dockerfile:3"), ("/w/a", "Dockerfile:3"),
      ("/", "w/a/Dockerfile:3"), ("/w/ab", "/w/a/Dockerfile:3"),
    ])
  func oneLine(_ folder: String, _ place: String) {
    let diagnostic = Diagnostic(
      "old", severity: .warning, code: "Old",
      span: SourceSpan(file: "/w/a/Dockerfile", line: 3, column: 5), excerpt: "x", hint: "new")
    #expect(
      line(of: diagnostic, style: Style(coloured: false), in: folder)
        == "warning[Old]: old (\(place))\n")
  }
}
