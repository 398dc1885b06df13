import JSON
import TestSupport
import Testing

@Suite("the schema needs no project, no root and no state")
struct SchemaCommandTests {
  @Test("it is printed, or written to a file, and nothing else is made")
  func output() async throws {
    let script = """
      set -eu
      cd "$(mktemp -d)"
      "$1" schema -o written.json
      "$1" schema | cmp - written.json
      ls -A
      cat written.json
      rm -r "$PWD"
      """
    let environment = ["PATH": "/usr/bin:/bin", "BERTH_STATE": "/nonexistent/state"]
    let result = try await Command(
      ["bash", "-c", script, "bash", Berth.program], folder: "/", environment: environment
    ).wait()
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.errorBytes.isEmpty)
    #expect(result.lines.first == "written.json")
    #expect(result.outputBytes.last == UInt8(ascii: "\n"))
    let text = result.output.drop { $0 != "{" }
    #expect(text.hasPrefix("{\n  \"$schema\": "))
    let schema = try JSONValue(parsing: Array(text.utf8))
    #expect(schema["$id"] == "urn:berth:compose-file")
  }
}
