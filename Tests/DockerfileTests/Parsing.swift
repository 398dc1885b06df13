// What the tests of Dockerfiles share: a text parsed, or its faults as lines.

import Diagnostics
import Testing

@testable import Dockerfile

struct Row: Sendable, CustomTestStringConvertible {
  var label: String
  var text: String
  var expected: String

  init(_ label: String, _ text: String, _ expected: String) {
    self.label = label
    self.text = text
    self.expected = expected
  }

  var testDescription: String { label }
}

func parse(_ text: String) throws -> Dockerfile {
  try checked(Array(text.utf8), name: "Dockerfile")
}

/// A Dockerfile with what the checks have to say of it.
func checked(_ bytes: [UInt8], name: String) throws -> Dockerfile {
  var file = try parseDockerfile(bytes, name: name)
  file.warnings = runChecks(file, source: withoutByteOrderMark(bytes))
  return file
}

/// The faults of a text as `LINE:COLUMN+LENGTH summary (hint)`, nil where it has none.
func faults(_ text: String) -> String? {
  faults(Array(text.utf8))
}

func faults(_ bytes: [UInt8]) -> String? {
  do {
    _ = try parseDockerfile(bytes, name: "Dockerfile")
    return nil
  } catch let faults as Faults {
    return shown(faults)
  } catch {
    return "\(error)"
  }
}

func shown(_ faults: Faults) -> String {
  faults.diagnostics.map { fault in
    let place = fault.span.map { "\($0.line):\($0.column)+\($0.length) " } ?? ""
    return place + fault.summary + (fault.hint.map { " (\($0))" } ?? "")
  }.joined(separator: "\n")
}

/// The only instruction behind `FROM a`.
func instruction(_ text: String, escape: String = "") throws -> Instruction {
  let file = try parse("\(escape)FROM a\n\(text)")
  return try #require(file.stages.first?.instructions.first)
}
