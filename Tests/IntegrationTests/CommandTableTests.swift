import TestSupport
import Testing

/// One line of `docs/commands.md`, or what its line should be of something declared.
private struct TableRow: Hashable {
  /// Empty for the flags before the verb.
  var verb: String
  /// Empty for the verb itself.
  var flags: Set<String>
  var state: String

  /// - Parameter line: of the table; nil for any other.
  init?(line: Substring) {
    let cells = line.split(separator: "|").map { $0.filter { $0 != "`" } }
    guard cells.count == 4, line.hasPrefix("| `") || line.hasPrefix("| before the verb") else {
      return nil
    }
    let words = cells.map { $0.split(separator: " ").joined(separator: " ") }
    verb = words[0] == "before the verb" ? "" : words[0]
    flags = Set(words[1].split(separator: ",").map { $0.filter { $0 != " " } })
    state = words[3]
  }

  init(verb: String, flags: Set<String>) {
    self.verb = verb
    self.flags = flags
    state = "done"
  }

  var isRefused: Bool { state.hasPrefix("refused: ") }
  var isKnownState: Bool { state == "done" || state == "beyond docker" || isRefused }

  var line: String {
    let names = flags.sorted { ($0.utf8.count > 2 ? 1 : 0, $0) < ($1.utf8.count > 2 ? 1 : 0, $1) }
    let name = verb.isEmpty ? "before the verb" : "`\(verb)`"
    return "| \(name) | \(names.map { "`\($0)`" }.joined(separator: ", ")) |  | \(state) |"
  }
}

@Suite("docs/commands.md is what the command line declares")
struct CommandTableTests {
  /// Settled before anything is parsed: other names of what is declared.
  private static let otherNames: Set<String> = ["help", "alpha dry-run", "alpha scale"]

  private func declared() async throws -> [TableRow] {
    let environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
    let result = try await Command(
      [Berth.program, "internal", "declarations"], folder: "/", environment: environment
    ).wait()
    return result.output.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 4, !fields[0].hasPrefix("internal"), fields[1] != "positional" else {
        return nil
      }
      let flags = fields[1] == "verb" ? [] : fields[2].split(separator: " ").map(String.init)
      return TableRow(verb: fields[0], flags: Set(flags))
    }
  }

  private func documented() async throws -> [TableRow] {
    let environment = ["PATH": "/usr/bin:/bin"]
    let result = try await Command(
      ["cat", "\(repositoryTop)/docs/commands.md"], folder: "/", environment: environment
    ).wait()
    return result.output.split(separator: "\n").compactMap(TableRow.init(line:))
  }

  @Test("all that is declared has its line")
  func complete() async throws {
    let rows = try await documented()
    let known = Set(rows.map { TableRow(verb: $0.verb, flags: $0.flags) })
    let missing = try await declared().filter { !known.contains($0) }
    #expect(
      missing.isEmpty,
      "add to docs/commands.md (or `beyond docker`):\n\(missing.map(\.line).joined(separator: "\n"))"
    )
    #expect(rows.count > 250)
  }

  @Test("what is done is declared, and what is unknown is not")
  func honest() async throws {
    let known = Set(try await declared())
    for row in try await documented() {
      #expect(row.isKnownState, "no state: \(row.line)")
      let isDeclared =
        known.contains(TableRow(verb: row.verb, flags: row.flags))
        || Self.otherNames.contains(row.verb)
      if !row.isRefused {
        #expect(isDeclared, "not declared, so take it out of docs/commands.md:\n\(row.line)")
      } else if row.state.contains("unknown option") || row.state.contains("berth has no") {
        let done = TableRow(verb: row.verb, flags: row.flags)
        #expect(!isDeclared, "declared by now, so its line in docs/commands.md is:\n\(done.line)")
      }
    }
  }
}
