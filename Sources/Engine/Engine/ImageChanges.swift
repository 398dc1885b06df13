// `--change`: instructions of a Dockerfile that say how an image is run, applied to an image's config.

import Blueprint
import Compose
import Diagnostics
import JSON

struct ImageChanges {
  private var config: JSONObject

  init(_ config: JSONObject = JSONObject()) { self.config = config }

  var json: JSONValue { .object(config) }

  private static let known = [
    "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER",
    "VOLUME", "WORKDIR",
  ]

  /// Applies one instruction: `CMD ["sh"]`, `ENV A=1 B="two words"`, …
  mutating func apply(_ text: String) throws {
    let parts = text.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
    guard let first = parts.first else { throw fault(text, "it is empty") }
    let name = first.uppercased()
    guard Self.known.contains(name) else {
      throw fault(
        text, "`\(first)` is none of \(Self.known.joined(separator: ", "))",
        hint: nearest(to: name, among: Self.known).map { "did you mean `\($0)`?" })
    }
    let rest = trimmed(parts.dropFirst().first ?? "")
    guard !rest.isEmpty else { throw fault(text, "nothing stands behind `\(first)`") }
    switch name {
    case "CMD": config["Cmd"] = command(rest)
    case "ENTRYPOINT": config["Entrypoint"] = command(rest)
    case "ENV": try addVariables(rest, text)
    case "EXPOSE": try addPorts(rest, text)
    case "HEALTHCHECK": config["Healthcheck"] = try healthcheck(rest, text)
    case "LABEL": try addLabels(rest, text)
    case "ONBUILD":
      config["OnBuild"] = .array((config["OnBuild"]?.array ?? []) + [.string(rest)])
    case "STOPSIGNAL": config["StopSignal"] = .string(rest)
    case "USER": config["User"] = .string(rest)
    case "VOLUME":
      add(try list(rest) ?? CommandLineParts.words(rest), to: "Volumes")
    default: setFolder(rest)
    }
  }

  /// The exec form is a JSON list; all else goes to a shell.
  private func command(_ rest: String) -> JSONValue {
    if let words = list(rest) { return .array(words.map { .string($0) }) }
    return ["/bin/sh", "-c", .string(rest)]
  }

  /// `NONE`, or `--interval=30s --retries=3 CMD …`.
  private func healthcheck(_ rest: String, _ text: String) throws -> JSONValue {
    if rest.uppercased() == "NONE" { return ["Test": ["NONE"]] }
    let spans = [
      "--interval": "Interval", "--timeout": "Timeout", "--start-period": "StartPeriod",
      "--start-interval": "StartInterval",
    ]
    var check = JSONObject()
    var words = rest[...]
    while words.hasPrefix("--") {
      let option = words.prefix { !$0.isWhitespace }
      let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
      words = words.dropFirst(option.count).drop(while: \.isWhitespace)
      if pair.count == 2, let name = spans[pair[0]], let span = CommandLineParts.span(pair[1]) {
        check[name] = JSONValue(span.nanoseconds.count)
      } else if pair.count == 2, pair[0] == "--retries", let retries = UInt32(pair[1]) {
        check["Retries"] = JSONValue(retries)
      } else {
        throw fault(text, "`\(option)` is no option of HEALTHCHECK", hint: "write --interval=30s")
      }
    }
    guard words.prefix(3).uppercased() == "CMD", words.dropFirst(3).first?.isWhitespace ?? false
    else { throw fault(text, "`CMD` or `NONE` is missing") }
    let command = trimmed(String(words.dropFirst(3)))
    let test = list(command).map { ["CMD"] + $0 } ?? ["CMD-SHELL", command]
    check["Test"] = .array(test.map { .string($0) })
    return .object(check)
  }

  /// Nil when it is no JSON list of strings: then it is meant as it stands.
  private func list(_ rest: String) -> [String]? {
    guard rest.hasPrefix("["), let value = try? JSONValue(parsing: Array(rest.utf8)),
      let items = value.array
    else { return nil }
    let words = items.compactMap(\.string)
    return words.count == items.count ? words : nil
  }

  private mutating func addVariables(_ rest: String, _ text: String) throws {
    var variables = (config["Env"]?.array ?? []).compactMap(\.string)
    for (key, value) in try pairs(rest, text) {
      variables.removeAll { $0.hasPrefix(key + "=") }
      variables.append("\(key)=\(value)")
    }
    config["Env"] = .array(variables.map { .string($0) })
  }

  private mutating func addLabels(_ rest: String, _ text: String) throws {
    var labels = config["Labels"]?.object ?? JSONObject()
    for (key, value) in try pairs(rest, text) { labels[key] = .string(value) }
    config["Labels"] = .object(labels)
  }

  /// `KEY=VALUE …`, or the old form `KEY VALUE`.
  private func pairs(_ rest: String, _ text: String) throws -> [(String, String)] {
    let words = try CommandLineParts.words(rest)
    if let first = words.first, words.count > 1, !first.contains("=") {
      return [(first, trimmed(String(rest.dropFirst(first.count))))]
    }
    return try words.map { word in
      let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[0].isEmpty else {
        throw fault(text, "`\(word)` is not KEY=VALUE")
      }
      return (String(pair[0]), String(pair[1]))
    }
  }

  private mutating func addPorts(_ rest: String, _ text: String) throws {
    for word in try CommandLineParts.words(rest) {
      let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      let transport = parts.count == 2 ? parts[1].lowercased() : "tcp"
      let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        .map { UInt16($0) }
      guard parts.count <= 2, ["tcp", "udp", "sctp"].contains(transport), bounds.count <= 2,
        let first = bounds.first ?? nil, let last = bounds.last ?? nil, first > 0, first <= last
      else { throw fault(text, "`\(word)` is not a port", hint: "write 80, 53/udp or 8000-8010") }
      add((first...last).map { "\($0)/\(transport)" }, to: "ExposedPorts")
    }
  }

  private mutating func add(_ names: [String], to key: String) {
    var set = config[key]?.object ?? JSONObject()
    for name in names { set[name] = [:] }
    config[key] = .object(set)
  }

  /// One that is not absolute goes on from the one before.
  private mutating func setFolder(_ rest: String) {
    let before = config["WorkingDir"]?.string ?? "/"
    let path = rest.hasPrefix("/") ? rest : before + "/" + rest
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    config["WorkingDir"] = .string("/" + parts.joined(separator: "/"))
  }

  private func trimmed(_ text: String) -> String {
    let front = text.drop(while: \.isWhitespace)
    return String(front.reversed().drop(while: \.isWhitespace).reversed())
  }

  private func fault(_ text: String, _ reason: String, hint: String? = nil) -> Faults {
    Faults([Diagnostic("the change `\(text)` is not understood: \(reason)", hint: hint)])
  }
}
