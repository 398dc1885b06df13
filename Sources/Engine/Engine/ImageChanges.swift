// Instructions of a Dockerfile that say how an image is run, applied to an image's config.

import Blueprint
import Diagnostics
import Dockerfile
import JSON

struct ImageChanges {
  private var config: JSONObject
  /// Whether this build has said what is run: else an entrypoint takes away what the base says.
  private var hasCommand = false

  init(_ config: JSONObject = JSONObject()) { self.config = config }

  var json: JSONValue { .object(config) }

  var workingDirectory: String { config["WorkingDir"]?.string ?? "" }
  var user: String { config["User"]?.string ?? "" }
  /// `NAME=value`, in order.
  var environment: [String] { (config["Env"]?.array ?? []).compactMap(\.string) }
  /// What the shell form of commands is given to.
  var shell: [String] {
    let words = (config["Shell"]?.array ?? []).compactMap(\.string)
    return words.isEmpty ? ["/bin/sh", "-c"] : words
  }

  /// Bytes of all that may grow.
  var size: Int {
    environment.reduce(0) { $0 + $1.utf8.count }
      + (config["Labels"]?.object?.members ?? []).reduce(0) {
        $0 + $1.name.utf8.count + ($1.value.string?.utf8.count ?? 0)
      }
  }

  func variable(_ name: String) -> String? {
    environment.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// What an earlier stage has said is run is what the base says.
  mutating func beginStage() { hasCommand = false }

  /// Takes the triggers away that an image holds for those who build on it.
  mutating func takeTriggers() -> [String] {
    let triggers = (config["OnBuild"]?.array ?? []).compactMap(\.string)
    config["OnBuild"] = nil
    return triggers
  }

  /// Applies one instruction that changes no files. Those that do are left alone.
  ///
  /// - Parameter expand: variables and quotes of a word.
  mutating func apply(_ instruction: Instruction, _ expansion: Expansion) throws {
    // Values of one instruction are those from before it.
    let known = self
    func text(_ word: Word) throws -> String { try expansion.text(word) { known.variable($0) } }
    func words(_ list: [Word]) throws -> [String] {
      try list.flatMap { word in try expansion.words(word) { known.variable($0) } }
    }
    try apply(instruction, text, words)
  }

  mutating func apply(
    _ instruction: Instruction, _ text: (Word) throws -> String,
    _ words: ([Word]) throws -> [String]
  ) throws {
    switch instruction.kind {
    case .environment(let pairs):
      try setVariables(try pairs.map { (try text($0.name), try text($0.value)) })
    case .label(let pairs):
      var labels = config["Labels"]?.object ?? JSONObject()
      for pair in pairs { labels[try text(pair.name)] = .string(try text(pair.value)) }
      config["Labels"] = .object(labels)
    case .command(let form):
      config["Cmd"] = command(form)
      config["ArgsEscaped"] = true
      hasCommand = true
    case .entrypoint(let form):
      config["Entrypoint"] = command(form)
      if !hasCommand { config["Cmd"] = nil }
    case .shell(let words): config["Shell"] = list(words)
    case .user(let word): config["User"] = .string(try text(word))
    case .workingDirectory(let word): setFolder(try text(word))
    case .volume(let paths):
      add(try paths.map(text), to: "Volumes")
    case .expose(let ports): try addPorts(try words(ports), instruction)
    case .stopSignal(let word): try setStopSignal(try text(word), instruction)
    case .healthcheck(let check): config["Healthcheck"] = healthcheck(check)
    case .onBuild(let trigger):
      config["OnBuild"] = .array((config["OnBuild"]?.array ?? []) + [.string(trigger)])
    case .run, .copy, .argument, .maintainer: break
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

  private mutating func setVariables(_ pairs: [(String, String)]) throws {
    var variables = environment
    for (name, value) in pairs {
      let entry = "\(name)=\(value)"
      if let place = variables.firstIndex(where: { $0.hasPrefix(name + "=") }) {
        variables[place] = entry
      } else {
        variables.append(entry)
      }
    }
    config["Env"] = list(variables)
  }

  private mutating func setStopSignal(_ text: String, _ instruction: Instruction) throws {
    guard signalNumber(text) != nil else {
      throw Faults([
        Diagnostic(
          "`\(text)` is no signal", span: instruction.span,
          hint: "write a name such as SIGTERM, or a number")
      ])
    }
    config["StopSignal"] = .string(text)
  }

  private mutating func addPorts(_ words: [String], _ instruction: Instruction) throws {
    for word in words {
      let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      let transport = parts.count == 2 ? parts[1].lowercased() : "tcp"
      let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        .map { UInt16($0) }
      guard parts.count <= 2, ["tcp", "udp", "sctp"].contains(transport), bounds.count <= 2,
        let first = bounds.first ?? nil, let last = bounds.last ?? nil, first > 0, first <= last
      else {
        throw Faults([
          Diagnostic(
            "`\(word)` is not a port", span: instruction.span,
            hint: "write 80, 53/udp or 8000-8010")
        ])
      }
      add((first...last).map { "\($0)/\(transport)" }, to: "ExposedPorts")
    }
  }

  private mutating func add(_ names: [String], to key: String) {
    var set = config[key]?.object ?? JSONObject()
    for name in names { set[name] = [:] }
    config[key] = .object(set)
  }

  /// One that is not absolute goes on from the one before.
  private mutating func setFolder(_ text: String) {
    let path =
      text.hasPrefix("/") ? text : (workingDirectory.isEmpty ? "/" : workingDirectory) + "/" + text
    config["WorkingDir"] = .string(cleaned(path))
  }

  mutating func addLabels(_ pairs: [(String, String)]) {
    if pairs.isEmpty { return }
    var labels = config["Labels"]?.object ?? JSONObject()
    for (key, value) in pairs { labels[key] = .string(value) }
    config["Labels"] = .object(labels)
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
        config["OnBuild"] = list(
          (config["OnBuild"]?.array ?? []).compactMap(\.string) + [String(trigger)])
        return
      }
      try apply(try parseTrigger(text, image: "--change"), Expansion(escape: UInt8(ascii: "\\")))
    } catch let faults as Faults {
      let first = faults.diagnostics.first
      throw fault(first?.summary ?? "", hint: first?.hint)
    }
  }
}
