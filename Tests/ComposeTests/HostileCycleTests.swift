// Circles and chains without end: in files, services, dependencies, namespaces and variables.

import Compose
import Diagnostics
import Testing

/// What lies in a folder, and a part of a fault that it must have.
private typealias FilesRow = (
  label: String, files: [String: String], links: [(from: String, to: String)], fault: String
)

@Suite("circles are refused where they close")
struct HostileCycleTests {
  private static func chain(_ count: Int, _ link: (Int) -> String, last: String) -> [String: String]
  {
    var files: [String: String] = ["f\(count).yaml": last]
    for number in 0..<count { files["f\(number).yaml"] = link(number) }
    files["compose.yaml"] = files["f0.yaml"]
    return files
  }

  private static let rows: [FilesRow] = [
    (
      "a file includes itself", ["compose.yaml": "include: [compose.yaml]\n"], [],
      "include cycle: compose.yaml → compose.yaml"
    ),
    (
      "by another spelling", ["compose.yaml": "include: [./x/../compose.yaml]\n"], [],
      "include cycle: compose.yaml → compose.yaml"
    ),
    (
      "two files include each other",
      ["compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n"], [],
      "include cycle: compose.yaml → b.yaml → compose.yaml"
    ),
    (
      "a link to the file itself", ["compose.yaml": "include: [b.yaml]\n"],
      [("/shop/b.yaml", "/shop/compose.yaml")], "include cycle: compose.yaml → b.yaml → b.yaml"
    ),
    (
      "a link to the folder itself", ["compose.yaml": "include: [d/compose.yaml]\n"],
      [("/shop/d", "/shop")], "files include each other deeper than 64"
    ),
    (
      "a second file of an include",
      ["compose.yaml": "include: [{path: [b.yaml, compose.yaml]}]\n", "b.yaml": "{}\n"], [],
      "include cycle"
    ),
    (
      "a chain of 100 includes",
      chain(100, { "include: [f\($0 + 1).yaml]\n" }, last: "services: {}\n"), [],
      "deeper than 64"
    ),
    (
      "includes that double",
      chain(
        30, { "include: [f\($0 + 1).yaml, f\($0 + 1).yaml]\n" }, last: "services: {a: {image: b}}\n"
      ),
      [], "more than 1000 files"
    ),
    (
      "a service extends itself", ["compose.yaml": "services: {a: {image: b, extends: a}}\n"], [],
      "services extend each other"
    ),
    (
      "three services extend each other",
      [
        "compose.yaml": "services: {a: {extends: b}, b: {extends: c}, c: {extends: a}}\n"
      ], [], "services extend each other"
    ),
    (
      "services of two files extend each other",
      [
        "compose.yaml": "services: {a: {extends: {file: b.yaml, service: c}}}\n",
        "b.yaml": "services: {c: {extends: {file: compose.yaml, service: a}}}\n",
      ], [], "services extend each other"
    ),
    (
      "an included file extends one that extends it",
      [
        "compose.yaml": "include: [b.yaml]\nservices: {x: {image: y}}\n",
        "b.yaml": "services: {a: {extends: {file: c.yaml, service: c}}}\n",
        "c.yaml": "services: {c: {extends: {file: b.yaml, service: a}}}\n",
      ], [], "services extend each other"
    ),
    (
      "a chain of 100 services",
      [
        "compose.yaml": "services:\n"
          + (0..<100).map { "  s\($0): {extends: s\($0 + 1)}\n" }.joined()
          + "  s100: {image: b}\n"
      ], [], "services extend deeper than 64"
    ),
    (
      "a chain of 100 files that extend",
      chain(
        100,
        { "services: {s: {extends: {file: f\($0 + 1).yaml, service: s}}}\n" },
        last: "services: {s: {image: b}}\n"), [], "services extend deeper than 64"
    ),
  ]

  @Test("of files and of what they extend", .timeLimit(.minutes(1)), arguments: rows.indices)
  func files(index: Int) {
    let row = Self.rows[index]
    let folder = HostileFolder(row.files.mapValues { Array($0.utf8) }, links: row.links)
    let outcome = outcome(folder, row.label)
    #expect(
      outcome.diagnostics.contains { $0.summary.contains(row.fault) }, "\(row.label): \(outcome)")
  }

  /// What stands in services `a`, `b` and `c`.
  static let services: [(String, String, String, String, String)] = [
    ("a service needs itself", "depends_on: [a]", "", "", "a -> a"),
    ("two need each other", "depends_on: [b]", "depends_on: [a]", "", "a -> b -> a"),
    ("three", "depends_on: [b]", "depends_on: [c]", "depends_on: [a]", "a -> b -> c -> a"),
    (
      "with conditions", "depends_on: {b: {condition: service_healthy}}", "depends_on: [a]", "",
      "a -> b -> a"
    ),
    (
      "without need", "depends_on: {b: {condition: service_started, required: false}}",
      "depends_on: [a]", "", "a -> b -> a"
    ),
    ("by network", "network_mode: service:b", "network_mode: service:a", "", "a -> b -> a"),
    ("by network, of itself", "network_mode: service:a", "", "", "a -> a"),
    ("by process names", "pid: service:b", "pid: service:a", "", "a -> b -> a"),
    ("by messages", "ipc: service:b", "depends_on: [a]", "", "a -> b -> a"),
    ("by volumes", "volumes_from: [b]", "volumes_from: [a]", "", "a -> b -> a"),
    ("by volumes, of itself", "volumes_from: ['a:ro']", "", "", "a -> a"),
    ("by links", "links: [b]", "links: ['a:x']", "", "a -> b -> a"),
    ("by different ways", "links: [b]", "volumes_from: [c]", "pid: service:a", "a -> b -> c -> a"),
  ]

  @Test("of dependencies", arguments: services.indices)
  func dependencies(index: Int) {
    let (label, a, b, c, circle) = Self.services[index]
    let text =
      "services:\n"
      + zip(["a", "b", "c"], [a, b, c]).map { "  \($0):\n    image: i\n    \($1)\n" }.joined()
    #expect(outcome(text, label).description == "dependency cycle detected: \(circle)", "\(label)")
  }

  @Test("of 5 000 services", .timeLimit(.minutes(1)))
  func longCircle() {
    let lines = (0..<5_000).map { "  s\($0): {image: b, depends_on: [s\(($0 + 1) % 5_000)]}\n" }
    let outcome = outcome("services:\n" + lines.joined(), "5 000 services")
    #expect(outcome.description.hasPrefix("dependency cycle detected: s0 -> s1 -> s2"))
  }
}
