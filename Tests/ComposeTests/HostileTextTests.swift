// Texts that mean harm: bombs and oddities of YAML. Each is refused at a place, or means what is said.

import Compose
import Diagnostics
import Testing

private func times(_ count: Int, _ text: String) -> String {
  String(repeating: text, count: count)
}

private func service(_ body: String) -> String { "services:\n  a:\n    image: b\n    \(body)\n" }

/// A text, and a part of the first fault; nil when it is accepted.
struct HostileRow: CustomTestStringConvertible, Sendable {
  var label: String
  var text: String
  var fault: String?

  init(_ label: String, _ text: String, _ fault: String?) {
    self.label = label
    self.text = text
    self.fault = fault
  }

  var testDescription: String { label }
}

@Suite("hostile texts are refused at a place, or mean what they say")
struct HostileTextTests {
  static let aliases: [HostileRow] = [
    HostileRow(
      "billion laughs",
      "x-0: &a0 [x]\n"
        + (1...12).map { "x-\($0): &a\($0) [\(times(10, "*a\($0 - 1), "))]\n" }.joined(),
      "aliases expand"),
    HostileRow(
      "merge keys fanned out",
      "x-a: &a {" + (0..<2_000).map { "k\($0): 1, " }.joined() + "}\n"
        + (0..<2_000).map { "x-\($0): {<<: *a}\n" }.joined(), "aliases expand"),
    HostileRow(
      "aliases that deepen each other",
      "x-0: &a0 \(times(60, "["))\(times(60, "]"))\n"
        + (1..<100).map {
          "x-\($0): &a\($0) \(times(60, "["))*a\($0 - 1)\(times(60, "]"))\n"
        }.joined(), "nested deeper"),
    HostileRow("an alias as a key", "x-a: &a k\nx-b: {*a : v}\n", nil),
    HostileRow("a list as a key by alias", "x-a: &a [k]\nx-b: {*a : v}\n", "a key must be a name"),
    HostileRow("a list as a key", "x-a: {[k]: v}\n", "a key must be a name"),
    HostileRow("an anchor in itself", "x-a: &a [*a]\n", "contains itself"),
    HostileRow("an anchor in its key", "x-a: &a {k: {l: *a}}\n", "contains itself"),
    HostileRow("an unknown anchor", "x-a: *a\n", "unknown anchor `a`"),
    HostileRow("an anchor of another document", "x-a: &a 1\n---\nx-b: *a\n", nil),
    HostileRow("an anchor defined twice", "x-a: &a 1\nx-b: &a 2\nx-c: *a\n", nil),
    HostileRow("a merge of a number", "x-a: {<<: 5}\n", "`<<` takes a mapping"),
    HostileRow("a merge of lists", "x-a: {<<: [[{k: v}]]}\n", "`<<` takes a mapping"),
    HostileRow("a merge of itself", "x-a: &a {<<: *a}\n", "contains itself"),
    HostileRow("two merges", "x-a: &a {k: v}\nx-b: {<<: *a, <<: *a}\n", "already defined"),
    HostileRow("a quoted merge", "x-a: {'<<': {k: v}}\n", nil),
    HostileRow(
      "a long text by many aliases",
      "x-a: &a " + times(100_000, "x") + "\nx-b: [" + times(1_000, "*a, ") + "]\n",
      "aliases expand"),
  ]

  static let depths: [HostileRow] = [
    HostileRow("flow lists", "x-a: " + times(100_000, "["), "nested deeper"),
    HostileRow("flow mappings", "x-a: " + times(100_000, "{k: "), "nested deeper"),
    HostileRow("block lists", "x-a:\n  " + times(100_000, "- "), "nested deeper"),
    HostileRow(
      "block mappings", (0..<400).map { times($0, " ") + "x-a:\n" }.joined(), "nested deeper"),
    HostileRow(
      "as deep as may be", "x-a: " + times(126, "[") + times(126, "]") + "\n", nil),
    HostileRow(
      "explicit keys", "x-a:\n" + times(300, " ? "), "nested deeper"),
    HostileRow(
      "variables", service("user: " + times(100, "${U:-") + times(100, "}")),
      "nested deeper than 64"),
    HostileRow("dollars and braces", service("user: '" + times(1_000, "$${") + "'"), nil),
    HostileRow("variables without end", service("user: " + times(1_000, "${U:-")), "nested deeper"),
  ]

  static let syntax: [HostileRow] = [
    HostileRow("nothing but a quote", "\"", "a quote is not closed"),
    HostileRow("an open quote", service("user: 'x"), "a quote is not closed"),
    HostileRow("an open list", service("dns: [x"), "does not end here"),
    HostileRow("an open mapping", service("labels: {x: y"), "does not end here"),
    HostileRow("a tab for indentation", "services:\n\ta: {image: b}\n", "a tab stands"),
    HostileRow("a tab in a block", "services:\n  a:\n\t  image: b\n", "a tab stands"),
    HostileRow("a key twice", "services: {a: {image: b, image: c}}\n", "already defined"),
    HostileRow("a service twice", "services:\n  a: {image: b}\n  a: {image: c}\n", "already"),
    HostileRow("a section twice", "services: {a: {image: b}}\nservices: {}\n", "already"),
    HostileRow("a key twice by quotes", "x-a: {k: 1, \"k\": 2}\n", "already defined"),
    HostileRow("a key twice by escape", "x-a: {k: 1, \"\\u006B\": 2}\n", "already defined"),
    HostileRow("an unknown tag", service("user: !x y"), nil),
    HostileRow("an unknown tag on a list", service("dns: !x [y]"), nil),
    HostileRow("a tag of another host", service("user: !<tag:x,2000:y> z"), nil),
    HostileRow("an undefined tag handle", service("user: !e!x y"), "undefined tag handle"),
    HostileRow("an integer that is none", service("user: !!int x"), nil),
    HostileRow("a directive without text", "%YAML 1.1\n", "did not find expected"),
    HostileRow("a directive of another version", "%YAML 9.9\n---\nservices: {}\n", "incompatible"),
    HostileRow("networks that are text", "services: {a: {image: b}}\nnetworks: x\n", "must be"),
    HostileRow("what is needed but zero", service("ulimits: {n: {soft: 0, hard: 1}}"), nil),
    HostileRow("what is needed but empty", service("env_file: [{path: '', required: no}]"), nil),
    HostileRow("line ends of Unicode", service(#"user: "x\u0085y\nz\u2028\u2029""#), nil),
    HostileRow("a variable without a name", service("environment: [=x]"), nil),
    HostileRow("an item that is empty", service("labels: [k=v, '${A:+}']"), nil),
    HostileRow("a label without a name", service("labels: [k=v, =]"), nil),
    HostileRow("a limit of nothing", service("ulimits: {core: 0}"), nil),
    HostileRow("no mapping", "just words\n", "a compose file is a mapping"),
    HostileRow("a list", "[a, b]\n", "a compose file is a mapping"),
    HostileRow("keys that are numbers", "services: {a: {image: b, labels: {1: 2}}}\n", "not text"),
    HostileRow("a key that is null", "services: {~: {image: b}}\n", "not text"),
    HostileRow("a section of another kind", "services: [a]\n", "`services` must be a mapping"),
    HostileRow("an indicator for a value", "services: {a: {image: @b}}\n", "begin with `@`"),
    HostileRow("a percent for a value", "x-a: %b\n", "begin with `%`"),
    HostileRow("a backslash that is none", "x-a: \"\\q\"\n", "unknown escape"),
    HostileRow("half of a pair", "x-a: \"\\uD800\"\n", "invalid Unicode"),
    HostileRow("an escape beyond Unicode", "x-a: \"\\UFFFFFFFF\"\n", "invalid Unicode"),
    HostileRow("an escaped NUL", service("user: \"a\\0b\""), nil),
    HostileRow("a BOM in the middle", "services:\n  a: {image: \u{FEFF}b}\n", nil),
    HostileRow("a lone CR", "services:\r  a: {image: b}\r", nil),
    HostileRow(
      "a document that ends", "services: {a: {image: b}}\n...\nx: 1\n", "expected <document start>"),
    HostileRow("300 documents", times(300, "---\nx-a: 1\n"), "more than 256 documents"),
    HostileRow("200 documents", times(200, "---\nx-a: 1\n"), nil),
  ]

  static let lengths: [HostileRow] = [
    HostileRow("a value of 1 MiB", service("user: " + times(1 << 20, "x")), nil),
    HostileRow("a wrong value of 1 MiB", service("tty: " + times(1 << 20, "x")), "must be"),
    HostileRow("a key of 1 MiB", "? \(times(1 << 20, "x"))\n: y\n", "unknown key"),
    HostileRow(
      "a simple key of 1 MiB", "\(times(1 << 20, "x")): y\n", "a `:` stands where no key can be"),
    HostileRow("a label of 1 MiB", service("labels: {? \(times(1 << 20, "x")) : y}"), nil),
    HostileRow("an anchor of 1 MiB", "x-a: &\(times(1 << 20, "x")) y\n", nil),
    HostileRow("a comment of 1 MiB", service("user: x # " + times(1 << 20, "y")), nil),
    HostileRow("a line of commas", service("dns: [" + times(1 << 20, ",") + "]"), "did not find"),
    HostileRow(
      "100 000 services", "services:\n" + (0..<100_000).map { "  s\($0): {image: b}\n" }.joined(),
      "more than 250000 values"),
    HostileRow(
      "2 000 services", "services:\n" + (0..<2_000).map { "  s\($0): {image: b}\n" }.joined(), nil),
    HostileRow("100 000 items", service("command: [" + times(100_000, "x,") + "]"), nil),
    HostileRow("300 000 items", service("command: [" + times(300_000, "x,") + "]"), "more than"),
    HostileRow("equal items", service("dns: [" + times(1_000, "x,") + "]"), nil),
    HostileRow(
      "ranges of ports",
      service("ports: [" + (1...9).map { "\"127.0.0.\($0):1-65535:1-65535\"," }.joined() + "]"),
      "ranges stand for more than 65536 ports"),
    HostileRow(
      "services that extend a large one",
      service("labels: {" + (0..<600).map { "k\($0): v," }.joined() + "}")
        + (0..<600).map { "  s\($0): {extends: a}\n" }.joined(), "services take over more than"),
    HostileRow(
      "a chain of 2 000 dependencies",
      "services:\n"
        + (0..<2_000).map { "  s\($0): {image: b, depends_on: [s\($0 + 1)]}\n" }.joined()
        + "  s2000: {image: b}\n", nil),
  ]

  @Test("a row", .timeLimit(.minutes(1)), arguments: aliases + depths + syntax + lengths)
  func row(_ row: HostileRow) {
    let outcome = outcome(row.text, row.label)
    if let fault = row.fault {
      #expect(outcome.description.contains(fault), "\(row.label): \(outcome)")
    } else {
      #expect(outcome.project != nil, "\(row.label): \(outcome)")
    }
  }
}
