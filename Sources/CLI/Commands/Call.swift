// How the program was called: by its own name, as `docker-compose`, or by docker's client as its plugin.

import Engine
import JSON

/// The name that the program goes by.
enum CalledAs: Sendable {
  case berth
  /// `docker-compose`, or `docker compose`.
  case compose

  var version: String {
    switch self {
    case .berth: berthVersion
    // The release whose behaviour is berth's measure, so that scripts which look for features find them.
    case .compose: "5.5.0+berth.\(berthVersion)"
    }
  }

  var versionLine: String {
    switch self {
    case .berth: "berth version v\(version)"
    case .compose: "Docker Compose version v\(version)"
    }
  }
}

struct Call: Sendable {
  private(set) var name: CalledAs
  /// Without the program's name, and without what docker's client says to all of its plugins.
  private(set) var arguments: [String]
  /// Flags that tell a client where its daemon is.
  private(set) var unheeded: [String] = []
  /// The folder of docker's settings, when its client was given one.
  private(set) var configFolder: String?

  /// - Parameter arguments: with the program's name.
  init(_ arguments: [String]) {
    let program = (arguments.first ?? "").split(separator: "/").last ?? ""
    self.arguments = Array(arguments.dropFirst())
    name = program.hasPrefix("docker-compose") ? .compose : .berth
    if name == .compose { dropDockersPart() }
  }

  /// What needs no verb: an answer to a shell, or to docker's client.
  var answer: String? {
    if name == .compose, arguments == ["docker-cli-plugin-metadata"] { return metadata }
    return CompletionRequest.answer(arguments)
  }

  /// What docker's client asks of each program in its folder of plugins.
  private var metadata: String {
    let object: JSONObject = [
      "SchemaVersion": "0.1.0", "Vendor": "berth", "Version": .string("v\(name.version)"),
      "ShortDescription": "Define and run multi-container applications, without a daemon",
    ]
    return String(decoding: JSONValue.object(object).bytes(), as: UTF8.self) + "\n"
  }

  /// docker's client calls `docker-compose [its own flags] compose …`; who types `docker-compose` may put
  /// those flags before the verb as well.
  private mutating func dropDockersPart() {
    var asked: [String] = []
    if let first = arguments.first, first.hasPrefix("__complete") {
      asked = [arguments.removeFirst()]
    }
    // `docker help compose up`.
    if arguments.starts(with: ["help", "compose"]) { arguments.remove(at: 1) }
    var kept: [String] = []
    var rest = arguments[...]
    var isBehindName = !rest.contains("compose")
    while let word = rest.popFirst() {
      let flag = String(word.prefix { $0 != "=" })
      if word == "compose", !isBehindName {
        isBehindName = true
      } else if flag == "--debug" || flag == "-D" {
        kept.append("--verbose")
      } else if Self.clientFlags.contains(flag) {
        unheeded.append(flag)
      } else if !isBehindName, flag == "--config" {
        configFolder = flag == word ? rest.popFirst() : String(word.dropFirst(flag.count + 1))
      } else if Self.clientOptions.contains(flag) || !isBehindName && flag == "-c" {
        unheeded.append(flag)
        if flag == word { rest = rest.dropFirst() }
      } else if SplitArguments.takesValue.contains(word), let value = rest.popFirst() {
        kept += [word, value]
      } else if word.hasPrefix("-"), word != "-" {
        kept.append(word)
      } else {
        kept.append(word)
        break
      }
    }
    arguments = asked + kept + rest
  }

  private static let clientFlags: Set<String> = ["--tls", "--tlsverify"]
  private static let clientOptions: Set<String> = [
    "-H", "--host", "--context", "--tlscacert", "--tlscert", "--tlskey", "-l", "--log-level",
  ]
}
