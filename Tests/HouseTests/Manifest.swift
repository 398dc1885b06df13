// Package.swift read as text: its targets, where they lie, what they lean on, how they are compiled.

struct ManifestTarget: Equatable {
  enum Kind: Equatable { case library, program, test }

  var name: String
  var kind: Kind
  /// `Plan`, `Act`, `Engine`, `CLI`, `Programs`, `System` or `Tests`.
  var floor: String
  var path: String
  var dependencies: [String]
  var isStrict: Bool
}

struct Manifest {
  var targets: [ManifestTarget]
  var text: String

  init(text: String) {
    self.text = text
    let source = SwiftSource(text, path: "Package.swift")
    targets = Self.calls(in: source).compactMap { Self.target(from: $0) }
  }

  func target(_ name: String) -> ManifestTarget? { targets.first { $0.name == name } }

  /// The settings listed in `strict`.
  var strictSettings: String {
    guard let start = text.range(of: "let strict"), let end = text[start...].firstIndex(of: "]\n")
    else { return "" }
    return String(text[start..<end])
  }

  private struct Call {
    var function: String
    var arguments: String
  }

  /// `house(…)`, `test(…)`, `.target(…)`, `.executableTarget(…)`, `.testTarget(…)` of the list of
  /// targets; the bodies of the functions that make them are left out.
  private static func calls(in source: SwiftSource) -> [Call] {
    let list = SwiftSource.offsets(of: "let package", in: source.code).first ?? source.code.count
    var calls: [Call] = []
    for function in ["house", "test", "target", "executableTarget", "testTarget"] {
      for start in SwiftSource.offsets(of: function, in: source.code) where start > list {
        let open = start + function.utf8.count
        guard open < source.code.count, source.code[open] == UInt8(ascii: "("),
          let close = closing(open, in: source.code)
        else { continue }
        let arguments = String(decoding: source.text[(open + 1)..<close], as: UTF8.self)
        calls.append(Call(function: function, arguments: arguments))
      }
    }
    return calls
  }

  private static func closing(_ open: Int, in code: [UInt8]) -> Int? {
    var depth = 0
    for index in open..<code.count {
      if code[index] == UInt8(ascii: "(") { depth += 1 }
      if code[index] == UInt8(ascii: ")") {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }

  private static func target(from call: Call) -> ManifestTarget? {
    let quoted = literals(call.arguments)
    let leans = dependencies(of: call)
    switch call.function {
    case "house":
      guard quoted.count >= 2 else { return nil }
      return ManifestTarget(
        name: quoted[1], kind: .library, floor: quoted[0],
        path: "Sources/\(quoted[0])/\(quoted[1])", dependencies: leans, isStrict: true)
    case "test":
      guard let name = quoted.first else { return nil }
      return ManifestTarget(
        name: name + "Tests", kind: .test, floor: "Tests", path: "Tests/\(name)Tests",
        dependencies: leans, isStrict: true)
    default:
      guard let name = argument("name", of: call).flatMap({ literals($0).first }),
        let path = argument("path", of: call).flatMap({ literals($0).first })
      else { return nil }
      let parts = path.split(separator: "/").map(String.init)
      return ManifestTarget(
        name: name,
        kind: call.function == "executableTarget"
          ? .program : call.function == "testTarget" ? .test : .library,
        floor: parts.first == "Tests" ? "Tests" : parts.dropFirst().first ?? "",
        path: path, dependencies: leans,
        isStrict: argument("swiftSettings", of: call)?.hasPrefix("strict") ?? false)
    }
  }

  /// The first list in brackets; names without quotes are the products of other packages.
  private static func dependencies(of call: Call) -> [String] {
    let labelled = argument("dependencies", of: call)
    guard let list = labelled ?? unlabelledList(call), let end = list.firstIndex(of: "]") else {
      return []
    }
    return list[..<end].split { "[], \n".contains($0) }.map { item in
      item.hasPrefix("\"")
        ? String(item.dropFirst().dropLast()) : productModules[String(item)] ?? String(item)
    }
  }

  private static let productModules = [
    "system": "SystemPackage", "collections": "OrderedCollections", "arguments": "ArgumentParser",
  ]

  private static func unlabelledList(_ call: Call) -> String? {
    guard ["house", "test"].contains(call.function) else { return nil }
    let head = call.arguments.range(of: "links:").map { call.arguments[..<$0] }
    let text = head ?? call.arguments[...]
    return text.firstIndex(of: "[").map { String(text[$0...]) }
  }

  /// The text behind `label:`.
  private static func argument(_ label: String, of call: Call) -> String? {
    guard let start = call.arguments.range(of: label + ":") else { return nil }
    let rest = call.arguments[start...].dropFirst(label.count + 1)
    return String(rest.drop { $0 == " " || $0 == "\n" })
  }

  private static func literals(_ text: String) -> [String] {
    text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }
}

extension StringProtocol {
  /// Where `needle` begins.
  func range(of needle: String) -> Index? {
    indices.first { self[$0...].hasPrefix(needle) }
  }

  func firstIndex(of needle: String) -> Index? { range(of: needle) }
}
