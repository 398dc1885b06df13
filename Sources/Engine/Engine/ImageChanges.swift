// Instructions of a Dockerfile that say how an image is run, applied to an image's config.

import Blueprint
import Diagnostics
import Dockerfile
import JSON

struct ImageChanges {
  /// All but the environment and the tables.
  private var config: JSONObject
  private var variables: ConfigEnvironment
  private var hasNewVariables = false
  /// Those that have been changed, by their names in the config.
  private var tables: [Table: ConfigTable] = [:]
  /// Whether this build has said what is run: else an entrypoint takes away what the base says.
  private var hasCommand = false

  private enum Table: String {
    case labels = "Labels"
    case ports = "ExposedPorts"
    case volumes = "Volumes"
  }

  init(_ config: JSONObject = JSONObject()) {
    self.config = config
    variables = ConfigEnvironment((config["Env"]?.array ?? []).compactMap(\.string))
  }

  var json: JSONValue {
    var whole = config
    if hasNewVariables { whole["Env"] = list(variables.entries) }
    for (table, values) in tables { whole[table.rawValue] = values.json }
    return .object(whole)
  }

  var workingDirectory: String { config["WorkingDir"]?.string ?? "" }
  var user: String { config["User"]?.string ?? "" }
  /// `NAME=value`, in order.
  var environment: [String] { variables.entries }
  /// What the shell form of commands is given to.
  var shell: [String] {
    let words = (config["Shell"]?.array ?? []).compactMap(\.string)
    return words.isEmpty ? ["/bin/sh", "-c"] : words
  }

  /// Bytes of all that may grow with each instruction.
  var size: Int { tables.values.reduce(variables.size) { $0 + $1.size } }

  func variable(_ name: String) -> String? { variables[name] }

  /// What an earlier stage has said is run is what the base says.
  mutating func beginStage() { hasCommand = false }

  /// Takes the triggers away that an image holds for those who build on it.
  mutating func takeTriggers() -> [String] {
    let triggers = (config["OnBuild"]?.array ?? []).compactMap(\.string)
    config["OnBuild"] = nil
    return triggers
  }

  /// Applies one instruction that changes no files. Those that do are left alone.
  mutating func apply(_ instruction: Instruction, _ expansion: Expansion) throws {
    apply(
      try change(of: instruction) { word in
        try expansion.text(word) { variable($0) }
      } _: { list in
        try list.flatMap { word in try expansion.words(word) { variable($0) } }
      })
  }

  /// What an instruction says, its words being known.
  enum Change {
    case none
    case variables([(String, String)])
    case labels([(String, String)])
    case ports([String])
    case volumes([String])
    case command(JSONValue)
    case entrypoint(JSONValue)
    case trigger(String)
    case field(String, JSONValue)
  }

  /// Reads an instruction. Values of one are those from before it.
  /// - Parameters:
  ///   - text: variables and quotes of a word replaced.
  ///   - words: likewise, where blanks of values part words.
  func change(
    of instruction: Instruction, _ text: (Word) throws -> String,
    _ words: ([Word]) throws -> [String]
  ) throws -> Change {
    switch instruction.kind {
    case .environment(let pairs):
      .variables(try pairs.map { (try text($0.name), try text($0.value)) })
    case .label(let pairs): .labels(try pairs.map { (try text($0.name), try text($0.value)) })
    case .command(let form): .command(command(form))
    case .entrypoint(let form): .entrypoint(command(form))
    case .shell(let words): .field("Shell", list(words))
    case .user(let word): .field("User", .string(try text(word)))
    case .workingDirectory(let word): .field("WorkingDir", .string(folder(try text(word))))
    case .volume(let paths): .volumes(try paths.map(text))
    case .expose(let ports): .ports(try names(ofPorts: try words(ports), instruction))
    case .stopSignal(let word):
      .field("StopSignal", .string(try stopSignal(try text(word), instruction)))
    case .healthcheck(let check): .field("Healthcheck", healthcheck(check))
    case .onBuild(let trigger): .trigger(trigger)
    case .run, .copy, .argument, .maintainer: .none
    }
  }

  mutating func apply(_ change: Change) {
    switch change {
    case .none: break
    case .variables(let pairs):
      for (name, value) in pairs { variables.set(name, value) }
      // Its place among the others.
      if config["Env"] == nil { config["Env"] = [] }
      hasNewVariables = true
    case .labels(let pairs): addLabels(pairs)
    case .ports(let names): add(names.map { ($0, [:]) }, to: .ports)
    case .volumes(let paths): add(paths.map { ($0, [:]) }, to: .volumes)
    case .command(let words):
      config["Cmd"] = words
      config["ArgsEscaped"] = true
      hasCommand = true
    case .entrypoint(let words):
      config["Entrypoint"] = words
      if !hasCommand { config["Cmd"] = nil }
    case .trigger(let text):
      config["OnBuild"] = .array((config["OnBuild"]?.array ?? []) + [.string(text)])
    case .field(let name, let value): config[name] = value
    }
  }

  private func list(_ words: [String]) -> JSONValue { .array(words.map { .string($0) }) }

  private func command(_ form: CommandForm) -> JSONValue {
    switch form {
    case .exec(let words): list(words)
    case .shell(let text): list(shell + [text])
    }
  }

  private func healthcheck(_ check: HealthcheckInstruction) -> JSONValue {
    var object = JSONObject()
    switch check.command {
    case nil: object["Test"] = ["NONE"]
    case .exec(let words): object["Test"] = list(["CMD"] + words)
    case .shell(let text): object["Test"] = list(["CMD-SHELL", text])
    }
    let spans = [
      ("Interval", check.interval), ("Timeout", check.timeout),
      ("StartPeriod", check.startPeriod), ("StartInterval", check.startInterval),
      ("Retries", Int64(check.retries)),
    ]
    for (name, span) in spans where span != 0 { object[name] = JSONValue(span) }
    return .object(object)
  }

  private func stopSignal(_ text: String, _ instruction: Instruction) throws -> String {
    guard signalNumber(text) != nil else {
      throw Faults([
        Diagnostic(
          "`\(text)` is no signal", span: instruction.span,
          hint: "write a name such as SIGTERM, or a number")
      ])
    }
    return text
  }

  private func names(ofPorts words: [String], _ instruction: Instruction) throws -> [String] {
    try words.flatMap { word in
      guard let port = ExposedPort(word) else {
        throw Faults([
          Diagnostic(
            "`\(word)` is not a port", span: instruction.span,
            hint: "write 80, 53/udp or 8000-8010")
        ])
      }
      return port.names
    }
  }

  /// One that is not absolute goes on from the one before.
  private func folder(_ text: String) -> String {
    cleaned(
      text.hasPrefix("/") ? text : (workingDirectory.isEmpty ? "/" : workingDirectory) + "/" + text)
  }

  private mutating func add(_ pairs: [(String, JSONValue)], to table: Table) {
    if tables[table] == nil {
      tables[table] = ConfigTable(config[table.rawValue]?.object ?? JSONObject())
      // Its place among the others.
      config[table.rawValue] = [:]
    }
    for (name, value) in pairs { tables[table]?.set(name, value) }
  }

  mutating func addLabels(_ pairs: [(String, String)]) {
    if pairs.isEmpty { return }
    add(pairs.map { ($0.0, .string($0.1)) }, to: .labels)
  }
}

/// An absolute path without `.`, `..` and doubled slashes; it never leads above the root.
func cleaned(_ path: String) -> String {
  var parts: [Substring] = []
  for part in path.split(separator: "/") where part != "." {
    if part == ".." { _ = parts.popLast() } else { parts.append(part) }
  }
  return "/" + parts.joined(separator: "/")
}

// MARK: - `--change`

extension ImageChanges {
  private static let known = [
    "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER",
    "VOLUME", "WORKDIR",
  ]

  /// Applies one instruction that somebody has typed: `CMD ["sh"]`, `ENV A=1 B="two words"`, …
  mutating func apply(_ text: String) throws {
    let first = text.prefix { !$0.isWhitespace }
    let name = first.uppercased()
    func fault(_ reason: String, hint: String? = nil) -> Faults {
      Faults([Diagnostic("the change `\(text)` is not understood: \(reason)", hint: hint)])
    }
    guard !first.isEmpty else { throw fault("it is empty") }
    guard Self.known.contains(name) else {
      throw fault(
        "`\(first)` is none of \(Self.known.joined(separator: ", "))",
        hint: nearest(to: name, among: Self.known).map { "did you mean `\($0)`?" })
    }
    do {
      if name == "ONBUILD" {
        let trigger = text.dropFirst(first.count).drop { $0.isWhitespace }
        _ = try parseTrigger(String(trigger), image: "--change")
        return apply(.trigger(String(trigger)))
      }
      try apply(try parseTrigger(text, image: "--change"), Expansion(escape: UInt8(ascii: "\\")))
    } catch let faults as Faults {
      let first = faults.diagnostics.first
      throw fault(first?.summary ?? "", hint: first?.hint)
    }
  }
}
