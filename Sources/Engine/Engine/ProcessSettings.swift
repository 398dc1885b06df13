// What the image says and what the service says, put together as docker does it.

import Blueprint
import Compose
import Diagnostics
import OCI

/// The path that a container, or a step of a build, gets when nobody names one.
let standardPath =
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/// Neither image nor service says what to run.
struct NoCommand: Diagnosable {
  var service: String
  var span: SourceSpan?

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "service `\(service)` has no command: neither the image nor the file names one",
        span: span, hint: "add `command:` to the service")
    ]
  }
}

/// Entrypoint and command joined. A service's entrypoint takes the image's command away (E97); one that
/// is empty takes away the image's entrypoint alone (A17).
func arguments(of service: Service, image: ImageConfig) throws -> [Bytes] {
  let entrypoint = service.entrypoint ?? image.entrypoint
  let command = service.command ?? (service.entrypoint?.isEmpty ?? true ? image.cmd : [])
  let arguments = entrypoint + command
  guard !arguments.isEmpty else { throw NoCommand(service: service.name, span: service.span) }
  return arguments.map { Bytes($0) }
}

/// Image first, then the service's entries in place of those of the same name; PATH, HOSTNAME and
/// TERM where nobody set them. HOME comes later, from the image's passwd file.
func environment(of service: Service, image: ImageConfig, hostname: String) -> [Bytes] {
  var entries: [(name: [UInt8], entry: [UInt8])] = []
  func set(_ entry: [UInt8]) {
    let name = Array(entry.prefix { $0 != UInt8(ascii: "=") })
    if let index = entries.firstIndex(where: { $0.name == name }) {
      entries[index].entry = entry
    } else {
      entries.append((name, entry))
    }
  }
  set(Array(standardPath.utf8))
  set(Array("HOSTNAME=\(hostname)".utf8))
  if service.hasTerminal { set(Array("TERM=xterm".utf8)) }
  for entry in image.env { set(Array(entry.utf8)) }
  for entry in service.environment {
    if let value = entry.value { set(Array("\(entry.key)=\(value)".utf8)) }
  }
  return entries.map { Bytes($0.entry) }
}

func process(of service: Service, image: ImageConfig, hostname: String) throws -> ProcessBlueprint {
  var directory = service.workingDirectory ?? image.workingDir
  if directory.isEmpty { directory = "/" }
  var process = ProcessBlueprint(
    arguments: try arguments(of: service, image: image),
    environment: environment(of: service, image: image, hostname: hostname),
    workingDirectory: Bytes(directory), user: service.user ?? image.user)
  process.additionalGroups = service.groups
  process.terminal = service.hasTerminal
  process.input = service.keepsStdinOpen ? .open : .none
  process.usesInit = service.usesInit
  return process
}

/// The service's check over the image's, field by field; nil when there is none or it is off.
func health(of service: Service, image: ImageConfig) -> HealthBlueprint? {
  let own = service.healthcheck
  let inherited = image.healthcheck
  guard let probe = probe(own: own?.test, inherited: inherited?.test ?? [], shell: image.shell)
  else { return nil }
  var health = HealthBlueprint(probe: probe)
  func pick(
    _ own: Duration?, _ inherited: Int64?, _ field: WritableKeyPath<HealthBlueprint, Nanoseconds>
  ) {
    // Nothing means what is meant without it.
    if let own, own != .zero {
      health[keyPath: field] = own.nanoseconds
    } else if let inherited, inherited > 0 {
      health[keyPath: field] = Nanoseconds(inherited)
    }
  }
  pick(own?.interval, inherited?.interval, \.interval)
  pick(own?.timeout, inherited?.timeout, \.timeout)
  pick(own?.startPeriod, inherited?.startPeriod, \.startPeriod)
  pick(own?.startInterval, inherited?.startInterval, \.startInterval)
  if let retries = own?.retries ?? inherited?.retries, retries > 0 { health.retries = retries }
  return health
}

private func probe(own: Healthcheck.Test?, inherited: [String], shell: [String])
  -> HealthBlueprint.Probe?
{
  let shell = (shell.isEmpty ? ["/bin/sh", "-c"] : shell).map { Bytes($0) }
  switch own {
  case .some(.none): return nil
  case .exec(let arguments): return .exec(arguments.map { Bytes($0) })
  case .shell(let text): return .shell(Bytes(text), shell: shell)
  case nil: break
  }
  switch inherited.first {
  case "CMD": return .exec(inherited.dropFirst().map { Bytes($0) })
  case "CMD-SHELL": return .shell(Bytes(inherited.dropFirst().joined(separator: " ")), shell: shell)
  default: return nil
  }
}

extension Duration {
  /// Saturates at the ends of what a record can hold: some 292 years.
  var nanoseconds: Nanoseconds {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return Nanoseconds(seconds < 0 ? .min : .max) }
    let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    return Nanoseconds(carried ? .max : sum)
  }
}

/// The number of a signal's name, with or without `SIG`, or of a number; nil when there is none.
package func signalNumber(_ text: String) -> Int32? {
  if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
  var name = text.uppercased()
  if name.hasPrefix("SIG") { name.removeFirst(3) }
  if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
    return 34 + offset
  }
  if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
    return 64 - offset
  }
  return signalNames[name]
}

/// `SIGTERM`; of several names the one that people use.
func signalName(_ number: Int32) -> String {
  let old: Set = ["IOT", "CLD", "POLL", "RTMIN", "RTMAX"]
  let name = signalNames.first { $0.value == number && !old.contains($0.key) }?.key
  if let name { return "SIG" + name }
  return number >= 34 ? "SIGRTMIN+\(number - 34)" : "signal \(number)"
}

/// signal(7), x86 and arm.
private let signalNames: [String: Int32] = [
  "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8,
  "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16,
  "CHLD": 17, "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23,
  "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30,
  "SYS": 31, "RTMIN": 34, "RTMAX": 64,
]
