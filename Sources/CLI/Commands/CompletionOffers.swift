// What TAB offers in a place of the command line.

import ArgumentParser
import Engine

/// The offered words, and what the shell does with them besides.
struct Completions {
  /// The numbers are those of scripts that the cobra library writes, so that docker's understand them.
  struct Directive: OptionSet {
    let rawValue: Int
    static let noSpace = Directive(rawValue: 2)
    static let noFiles = Directive(rawValue: 4)
    /// The words are extensions of file names.
    static let extensions = Directive(rawValue: 8)
    static let folders = Directive(rawValue: 16)
  }

  private(set) var words: [Offered] = []
  private(set) var directive: Directive = .noFiles

  private let line: CompletionLine

  /// - Parameter words: those behind the program's name; the last one is being typed.
  init(_ words: [String]) {
    line = CompletionLine(words)
    switch line.slot {
    case .verb(let group): offerVerbs(of: group)
    case .flag: offerFlags()
    case .value(let option): offer(option, wish: .existing)
    case .positional(let argument): offer(argument, wish: wish)
    case .command: offerCommandWords()
    case .nothing: break
    }
  }

  /// One word on each line, with what it is behind a tab, and the directive at last.
  func text(descriptions: Bool) -> String {
    words.map { offered in
      let isBare = offered.description.isEmpty || !descriptions
      let about = offered.description.map { $0.isWhitespace ? " " : $0 }
      return isBare ? "\(offered.word)\n" : "\(offered.word)\t\(String(about))\n"
    }.joined() + ":\(directive.rawValue)\n"
  }

  private var wish: ServiceWish {
    if line.verb == "logs", line.flags.contains("--follow") { return .running }
    return serviceWishes[line.verb] ?? .all
  }

  /// Of these the ones that begin with what is typed.
  private mutating func add(_ offered: [Offered]) {
    words += offered.filter { $0.word.hasPrefix(line.word) }
  }

  private mutating func offerVerbs(of group: (any ParsableCommand.Type)?) {
    var offered: [Offered] = []
    for type in group?.configuration.subcommands ?? allVerbs {
      let configuration = type.configuration
      guard configuration.shouldDisplay, let name = configuration.commandName else { continue }
      offered.append(Offered(name, configuration.abstract))
    }
    add(offered)
    if group == nil { add([Offered("help", "Show help of a verb")]) }
  }

  private mutating func offerFlags() {
    for argument in line.declaration.named where !argument.isHidden {
      let isThere = argument.names.contains(where: line.flags.contains)
      if isThere, !argument.isRepeating { continue }
      add(
        argument.names.filter { line.word.count < 2 || $0.utf8.count > 2 || $0 == line.word }
          .map { Offered($0, argument.abstract) })
    }
  }

  private mutating func offer(_ argument: Declaration.Argument, wish: ServiceWish) {
    switch argument.completion {
    case .list(let values): add(values.map { Offered($0) })
    case .files(let extensions):
      directive = extensions.isEmpty ? [] : .extensions
      words = extensions.map { Offered($0) }
    case .folders: directive = .folders
    case .offer(let offer): self.offer(offer, wish)
    case .none: offerValues(of: argument)
    }
  }

  private mutating func offer(_ offer: Offer, _ wish: ServiceWish) {
    switch offer {
    case .services: offerServices(wish)
    case .images: add(offers?.images ?? [])
    case .servicesOrImages:
      let offers = offers
      let isOfAll = line.flags.contains("--all")
      add(isOfAll ? [] : offers?.services(wish) ?? [])
      if isOfAll || line.verb != "images" { add(offers?.images ?? []) }
    case .servicesOrFiles: offerPaths()
    case .networks: add((offers?.networks ?? []).filter { !line.positionals.contains($0.word) })
    case .containers: add(offers?.containers ?? [])
    }
  }

  private mutating func offerServices(_ wish: ServiceWish) {
    var services = (offers?.services(wish) ?? []).filter { !line.positionals.contains($0.word) }
    if line.verb == "scale" {
      services = services.map { Offered($0.word + "=", $0.description) }
      directive.insert(.noSpace)
    }
    add(services)
  }

  /// `web:` for a path of a container, then what is in it there; and files of this machine.
  private mutating func offerPaths() {
    directive = .noSpace
    if let colon = line.word.firstIndex(of: ":"), !line.word[..<colon].contains("/") {
      directive.insert(.noFiles)
      let service = String(line.word[..<colon])
      let path = String(line.word[line.word.index(after: colon)...])
      add(
        (offers?.paths(of: service, beginning: path.isEmpty ? "/" : path) ?? [])
          .map { Offered("\(service):\($0.word)") })
    } else if !line.word.contains("/") {
      // From a service to a service nothing is copied.
      let isFromService = line.positionals.first?.contains(":") ?? false
      let services = isFromService ? [] : offers?.services(.existing) ?? []
      add(services.map { Offered("\($0.word):", $0.description) })
    }
  }

  /// Of a command in a container: paths in there.
  private mutating func offerCommandWords() {
    guard line.word.hasPrefix("/"), let service = line.positionals.first else { return }
    add(offers?.paths(of: service, beginning: line.word) ?? [])
    directive.insert(.noSpace)
  }

  private mutating func offerValues(of argument: Declaration.Argument) {
    if argument.kind == .positional {
      if line.verb == "port", let service = line.positionals.first {
        add(offers?.ports(of: service) ?? [])
      }
      return
    }
    switch argument.name {
    case "--project-name": add(offers?.projects ?? [])
    case "--profile": add(offers?.profiles ?? [])
    case "--attach", "--no-attach", "--exit-code-from": offerServices(.all)
    case "--scale":
      directive.insert(.noSpace)
      add((offers?.services(.all) ?? []).map { Offered($0.word + "=", $0.description) })
    case "--hash": add([Offered("*", "all")] + (offers?.services(.all) ?? []))
    case "--volume" where line.verb == "run":
      directive = .noSpace
      add((offers?.volumes ?? []).map { Offered($0.word + ":", "volume") })
    case "--env-from-file": directive = []
    case "--network": add(offers?.networks ?? [])
    default:
      let values = optionValues["\(line.verb) \(argument.name)"] ?? optionValues[argument.name]
      add(values ?? [])
      if values?.first?.word.hasSuffix("=") == true { directive.insert(.noSpace) }
    }
  }

  private var offers: Offers? {
    // What is wrong with the flags before the verb is said when the command is run.
    guard let global = try? GlobalSettings(parsing: line.global),
      let invocation = try? Invocation(global: global), let host = try? invocation.hostProfile()
    else { return nil }
    return Offers(invocation.request(file: .optional), host: host)
  }
}

/// Verbs that can do something only with services whose containers are in some state.
private let serviceWishes: [String: ServiceWish] = [
  "exec": .running, "attach": .running, "stop": .running, "kill": .running, "pause": .running,
  "top": .running, "port": .running, "wait": .running, "stats": .running, "unpause": .paused,
  "start": .stopped, "rm": .stopped, "logs": .existing, "restart": .existing, "export": .existing,
  "build": .buildable, "commit": .existing, "down": .existing, "events": .existing,
  "volumes": .existing,
]

private func list(_ words: String...) -> [Offered] { words.map { Offered($0) } }

/// What follows an option, by its name; by verb and name where a verb has its own.
private let optionValues: [String: [Offered]] = [
  "--ansi": list("auto", "always", "never"),
  "--progress": list("auto", "tty", "plain", "json", "quiet"),
  "--pull": list("always", "missing", "never"),
  "create --pull": list("always", "missing", "never", "build"),
  "--policy": list("always", "missing"),
  "--provenance": list("false"),
  "--sbom": list("false"),
  "--ssh": list("default"),
  "--rmi": [
    Offered("all", "every image of the services"), Offered("local", "those without a tag"),
  ],
  "--format": list("table", "json"),
  "config --format": list("yaml", "json"),
  "check --format": list("text", "json"),
  "plan --format": list("text", "json"),
  "version --format": list("pretty", "json"),
  "inspect --format": list("json"),
  "network inspect --format": list("json"),
  "--status": list("created", "running", "paused", "restarting", "removing", "exited", "dead"),
  "ps --filter": list("status="),
  "ls --filter": list("name="),
  "images --filter": list("dangling=", "reference=", "before=", "since=", "label="),
  "prune --filter": list("until=", "label=", "label!="),
  "builder prune --filter": list("until="),
  "network ls --filter": list("driver=", "id=", "name=", "label=", "type=", "dangling=", "scope="),
  "network prune --filter": list("until=", "label=", "label!="),
  "network create --driver": list("bridge", "macvlan", "ipvlan"),
  "--protocol": list("tcp", "udp", "sctp"),
  "--tail": list("all", "10", "100", "1000"),
  "--level": list("trace", "debug", "info", "notice", "warning", "error", "critical"),
  "--sig-proxy": list("true", "false"),
  "--platform": list("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386"),
  "--signal": list(
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM", "SIGCONT",
    "SIGSTOP", "SIGTSTP", "SIGWINCH"),
  "--cap-add": capabilities,
  "--cap-drop": capabilities,
]

private let capabilities = list(
  "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE",
  "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL",
  "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
  "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG",
  "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE",
  "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM")
