// The rules of the house: which target may lean on which, and how each file is written.

import Testing

private let manifest = Manifest(text: String(decoding: Tree.read("Package.swift"), as: UTF8.self))

@Suite("the targets stand as drawn")
struct TargetTests {
  @Test("every folder below Sources and Tests is a target, and every target is a folder")
  func foldersAreTargets() {
    let floors = Walls.floors.filter { $0 != "Tests" }
    #expect(Tree.folders(in: "Sources") == floors.sorted())
    let folders =
      floors.flatMap { floor in
        Tree.folders(in: "Sources/\(floor)").map { "Sources/\(floor)/\($0)" }
      }
      + Tree.folders(in: "Tests").filter {
        ![
          "Attributes", "Builds", "Escapes", "Faults", "Fixtures", "Hostile", "Networks", "Sandbox",
          "Verbs",
        ].contains($0)
      }.map {
        "Tests/\($0)"
      }
    let paths = Set(manifest.targets.map(\.path))
    #expect(folders.filter { !paths.contains($0) } == [])
    let empty = paths.filter { path in
      !Tree.files.contains { $0.path.hasPrefix(path + "/") }
    }
    #expect(empty.isEmpty)
    #expect(manifest.targets.count > 25)
  }

  @Test("a target is named for its subject, never for its rank")
  func names() {
    #expect(rankNames(manifest).isEmpty)
    let sample = Manifest(text: #"let package = Package(targets: [house("Plan", "PathUtils")])"#)
    #expect(rankNames(sample) == ["PathUtils"])
  }

  private func rankNames(_ manifest: Manifest) -> [String] {
    let ranks = ["Core", "Common", "Util", "Helper", "Manager", "Shared", "Misc", "Base"]
    return manifest.targets.map(\.name).filter { name in
      ranks.contains { name.contains($0) }
    }
  }

  @Test("every Swift target is compiled strictly")
  func strictness() {
    for setting in [
      ".swiftLanguageMode(.v6)", "ExistentialAny", "InternalImportsByDefault",
      "MemberImportVisibility", ".treatAllWarnings(as: .error)",
    ] {
      #expect(manifest.strictSettings.contains(setting), "\(setting)")
    }
    #expect(lax(manifest).isEmpty)
    #expect(manifest.text.range(of: "swiftSettings: strict, linkerSettings: links)") != nil)
    let sample = #"let package = [.executableTarget(name: "x", path: "Sources/Programs/berth")]"#
    #expect(lax(Manifest(text: sample)) == ["x"])
  }

  /// Targets of C alone have nothing to be strict about.
  private func lax(_ manifest: Manifest) -> [String] {
    manifest.targets.filter { !$0.isStrict && !Tree.swift(below: $0.path).isEmpty }.map(\.name)
  }

  @Test("the story names every target")
  func story() {
    let story = Tree.files.first { $0.path == "docs/story.md" }?.text ?? ""
    let unnamed = manifest.targets.filter { $0.kind != .test && $0.floor != "Tests" }
      .map(\.name).filter { !story.contains("`\($0)`") }
    #expect(unnamed.isEmpty)
  }
}

@Suite("arrows run down only")
struct WallTests {
  @Test("no target leans on a higher floor")
  func floors() {
    #expect(Walls.climbs(in: manifest).isEmpty)
    let sample = #"let package = [house("Plan", "A", ["B"]), house("Act", "B"),]"#
    #expect(Walls.climbs(in: Manifest(text: sample)) == ["A → B"])
  }

  @Test("nothing goes through a wall", arguments: Walls.all)
  func walls(_ wall: Walls.Wall) {
    #expect(Walls.breaches(of: wall, in: manifest).isEmpty)
  }

  @Test("a wall is held when there is a way around it", arguments: Walls.all)
  func wallsCanFail(_ wall: Walls.Wall) {
    for from in wall.from {
      for to in wall.to {
        let breach = sample(from: from, to: to, around: wall.reach == .anyhow)
        #expect(!Walls.breaches(of: wall, in: breach).isEmpty, "\(from) → \(to)")
      }
    }
  }

  /// A package in which `from` reaches `to`, through another target where that counts.
  private func sample(from: String, to: String, around: Bool) -> Manifest {
    let first = from.hasSuffix("/") ? (from.dropLast(), "First") : ("Act", from)
    let last = to.hasSuffix("/") ? (to.dropLast(), "Last") : ("Act", to)
    let next = around ? "Middle" : last.1
    return Manifest(
      text: """
        let package = [
          house("\(first.0)", "\(first.1)", ["\(next)"]), house("Act", "Middle", ["\(last.1)"]),
          house("\(last.0)", "\(last.1)"),
        ]
        """)
  }

  @Test("a file imports only what its target leans on")
  func imports() {
    let names = Set(manifest.targets.map(\.name))
    var complaints: [String] = []
    for target in manifest.targets {
      for file in Tree.swift(below: target.path) {
        let imported = importedModules(SwiftSource(path: file.path, bytes: file.bytes))
        complaints += imported.filter { names.contains($0) && !target.dependencies.contains($0) }
          .map { "\(file.path) imports \($0)" }
      }
    }
    #expect(complaints.isEmpty)
    #expect(importedModules(SwiftSource("package import JSON\nimport Linux")) == ["JSON", "Linux"])
  }

  private func importedModules(_ source: SwiftSource) -> [String] {
    SwiftSource.offsets(of: "import", in: source.code).map { start in
      let rest = source.code[(start + 6)...].drop { $0 == UInt8(ascii: " ") }
      return String(decoding: rest.prefix(while: SwiftSource.isNamePart), as: UTF8.self)
    }
  }
}

@Suite("the text of each file keeps the rules")
struct SourceTests {
  static let sources: [SwiftSource] = (Tree.swift(below: "Sources") + Tree.swift(below: "Tests"))
    .filter { !$0.path.hasPrefix("Tests/HouseTests/") }
    .map { SwiftSource(path: $0.path, bytes: $0.bytes) }

  @Test("rule", arguments: SourceRule.all)
  func rule(_ rule: SourceRule) {
    let complaints = Self.sources.flatMap { rule.complaints(about: $0) }
    #expect(complaints.isEmpty, "\(list(complaints))")
  }

  @Test("the rule tells a broken text from a kept one", arguments: SourceRule.all)
  func ruleCanFail(_ rule: SourceRule) {
    #expect(!rule.complaints(about: SwiftSource(rule.broken)).isEmpty)
    #expect(rule.complaints(about: SwiftSource(rule.kept)).isEmpty)
    for exception in rule.exceptions {
      let path =
        exception.prefix.hasSuffix("/") ? exception.prefix + "File.swift" : exception.prefix
      #expect(rule.complaints(about: SwiftSource(rule.broken, path: path)).isEmpty)
    }
  }

  @Test("an exception that nothing needs any more is gone", arguments: SourceRule.all)
  func exceptionsAreNeeded(_ rule: SourceRule) {
    var strict = rule
    strict.exceptions = []
    for exception in rule.exceptions {
      let needs = Self.sources.contains {
        $0.path.hasPrefix(exception.prefix) && !strict.complaints(about: $0).isEmpty
      }
      #expect(needs, "\(exception.prefix)")
    }
  }

  @Test("files and functions fit their screens, and a file begins with what it is for")
  func shape() {
    let complaints = Self.sources.flatMap { Shape.complaints(about: $0) }
    #expect(complaints.isEmpty, "\(list(complaints))")
  }

  @Test("shapes that do not fit are seen", arguments: misshapen)
  func shapeCanFail(_ sample: (label: String, text: String, complaints: Int)) {
    #expect(Shape.complaints(about: SwiftSource(sample.text)).count == sample.complaints)
  }

  private static let misshapen: [(label: String, text: String, complaints: Int)] = [
    ("fits", "// A file.\nfunc a() {\n}\n", 0),
    ("no comment", "import Glibc\n", 1),
    ("long file", "// A file.\n" + String(repeating: "let a = 1\n", count: 400), 1),
    (
      "long function",
      "// A file.\nfunc a(\n  b: Int\n) {\n" + String(repeating: "  b()\n", count: 60) + "}\n", 1
    ),
    (
      "long initialiser below a requirement",
      "// A file.\nprotocol A {\n  func b()\n  init()\n}\nstruct C {\n  init() {\n"
        + String(repeating: "    b(\"}\")\n", count: 60) + "  }\n}\n", 1
    ),
  ]

  private func list(_ complaints: [Complaint]) -> String {
    complaints.map { "\n\($0)" }.joined()
  }
}

@Suite("the tree belongs to the project alone")
struct TreeTests {
  /// Written in two pieces, so that this file does not complain about itself.
  private static let machinePaths = [
    "/work" + "/main", "/work" + "/h/", "/work" + "/shared", "/root" + "/.", "/home" + "/runner",
    "/Users" + "/",
  ]

  @Test("no path of a developer's machine stands in a file")
  func paths() {
    let found = Tree.files.flatMap { complaints($0.path, $0.bytes) }
    #expect(found.isEmpty)
    #expect(
      complaints("sample", Array(("a\ncd /work" + "/main").utf8)) == ["sample: /work" + "/main"])
  }

  private func complaints(_ path: String, _ bytes: [UInt8]) -> [String] {
    Self.machinePaths.filter { !SwiftSource.offsets(of: $0, in: bytes).isEmpty }
      .map { "\(path): \($0)" }
  }

  @Test("the formatter refuses what the compiler lets through")
  func formatter() {
    let settings = String(decoding: Tree.read(".swift-format"), as: UTF8.self)
    for rule in [
      "NeverForceUnwrap", "NeverUseForceTry", "NeverUseImplicitlyUnwrappedOptionals",
    ] {
      #expect(settings.contains("\"\(rule)\": true"))
    }
  }

  @Test("every script stops at its first fault")
  func scripts() {
    let scripts = Tree.files.filter { $0.bytes.starts(with: Array("#!/usr/bin/env bash".utf8)) }
    #expect(scripts.count >= 5)
    for script in scripts {
      #expect(script.text.contains("\nset -euo pipefail\n"), "\(script.path)")
    }
  }
}
