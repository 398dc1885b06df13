// What the logging drivers may be told, as docker's own drivers have it.

/// The drivers that keep or pass on what containers say.
enum LoggingDrivers {
  static let known = ["json-file", "local", "journald", "syslog", "none"]
  /// What docker has besides.
  private static let elsewhere = [
    "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "etwlogs", "logentries",
  ]

  @Sendable static func reason(_ node: Node) -> String? {
    guard let name = node.text, !name.isEmpty, !known.contains(name) else { return nil }
    return elsewhere.contains(name)
      ? "is `\(name)`, a driver that berth does not have"
      : "names none: logger: no log driver named '\(name)' is registered"
  }

  @Sendable static func advice(_ node: Node) -> String? {
    suggestion(node.text ?? "", known) ?? "berth has \(known.joined(separator: ", "))"
  }

  fileprivate static let ofAll = ["mode", "max-buffer-size"]
  private static let attributes = ["labels", "labels-regex", "env", "env-regex", "tag"]
  private static let files = ["max-size", "max-file", "compress"]

  /// Nil for a driver that heeds none and minds none.
  fileprivate static func options(of driver: String) -> [String]? {
    switch driver {
    case "json-file": ofAll + files + attributes
    case "local": ofAll + files
    case "journald": ofAll + attributes
    case "syslog":
      ofAll + attributes + [
        "syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert",
        "syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify",
      ]
    default: nil
    }
  }
}

/// Options that the driver of a service does not have, and values that are none.
func loggingFaults(_ model: Node) -> [Fault] {
  (model["services"]?.map?.entries ?? []).flatMap { service -> [Fault] in
    guard let logging = service.node["logging"], let options = logging["options"]?.map else {
      return []
    }
    let text = logging["driver"]?.text ?? ""
    let driver = text.isEmpty ? "json-file" : text
    guard let known = LoggingDrivers.options(of: driver) else { return [] }
    return options.entries.compactMap { entry in
      let name = "`services.\(service.key).logging.options`"
      guard known.contains(entry.key) else {
        return Fault(
          .unsupported, "\(name): unknown log opt '\(entry.key)' for \(driver) log driver",
          at: entry.keyOrigin, hint: suggestion(entry.key, known))
      }
      guard let reason = wrongValue(entry, options) else { return nil }
      return Fault(
        .unsupported, "\(name): \(reason)",
        at: entry.node.origin.line > 0 ? entry.node.origin : entry.keyOrigin)
    }
  }
}

private func wrongValue(_ entry: Fields.Entry, _ options: Fields) -> String? {
  guard let text = entry.node.text else { return nil }
  switch entry.key {
  case "max-size" where (parseBytes(text) ?? 0) <= 0:
    return "`max-size: \(text)` is no size, such as 10m"
  case "max-file" where !(1...10_000).contains(decimal(text) ?? 0):
    return "`max-file: \(text)` is no number from 1 to 10000"
  case "max-buffer-size" where (parseBytes(text) ?? 0) <= 0:
    return "`max-buffer-size: \(text)` is no size, such as 1m"
  case "compress" where !["true", "false", "1", "0"].contains(text):
    return "`compress: \(text)` is neither true nor false"
  case "mode" where !["blocking", "non-blocking"].contains(text):
    return "`mode: \(text)` is neither `blocking` nor `non-blocking`"
  case "labels-regex" where NamePattern(text) == nil, "env-regex" where NamePattern(text) == nil:
    return "`\(entry.key): \(text)` is no regular expression"
  case "syslog-facility" where syslogFacility(text) == nil:
    return "`syslog-facility: \(text)` is no facility of syslog"
  case "syslog-format"
  where !["", "rfc3164", "rfc5424", "rfc5424micro"].contains(text):
    return "`syslog-format: \(text)` is none of rfc3164, rfc5424, rfc5424micro"
  case "syslog-address" where SyslogAddress(parsing: text) == nil:
    return
      "`syslog-address: \(text)` is none: write udp://HOST:PORT, tcp://HOST:PORT or unix://PATH"
  default: return nil
  }
}

/// Which labels or variables go along with a line, by a part of their names.
package struct NamePattern {
  private let expression: Regex<AnyRegexOutput>

  /// Nil for what is no regular expression.
  package init?(_ text: String) {
    // What it lacks is said where the text stands.
    guard let expression = try? Regex(text) else { return nil }
    self.expression = expression
  }

  package func matches(_ name: String) -> Bool { name.firstMatch(of: expression) != nil }
}

/// The number of a facility, by name or number.
package func syslogFacility(_ text: String) -> Int? {
  let names = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp",
  ]
  if let index = names.firstIndex(of: text) { return index }
  if text.hasPrefix("local"), let number = decimal(String(text.dropFirst(5))),
    (0...7).contains(number)
  {
    return 16 + Int(number)
  }
  return decimal(text).flatMap { (0...23).contains($0) ? Int($0) : nil }
}

/// Where a syslog listens.
package enum SyslogAddress: Sendable, Hashable {
  case socket(path: String)
  case udp(host: String, port: UInt16)
  case tcp(host: String, port: UInt16)

  /// Ports are 514 where none is given.
  package init?(parsing text: String) {
    func split(_ rest: Substring) -> (String, UInt16)? {
      guard !rest.isEmpty, !rest.contains("/") else { return nil }
      if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
        let host = String(rest[rest.index(after: rest.startIndex)..<end])
        let tail = rest[rest.index(after: end)...]
        if tail.isEmpty { return (host, 514) }
        return tail.hasPrefix(":") ? UInt16(tail.dropFirst()).map { (host, $0) } : nil
      }
      let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, !parts[0].isEmpty else { return nil }
      if parts.count == 1 { return (String(parts[0]), 514) }
      return UInt16(parts[1]).map { (String(parts[0]), $0) }
    }
    for (scheme, isStream) in [("udp://", false), ("tcp://", true)] where text.hasPrefix(scheme) {
      guard let (host, port) = split(text.dropFirst(scheme.count)) else { return nil }
      self = isStream ? .tcp(host: host, port: port) : .udp(host: host, port: port)
      return
    }
    for scheme in ["unixgram://", "unix://"] where text.hasPrefix(scheme) {
      let path = String(text.dropFirst(scheme.count))
      guard path.hasPrefix("/") else { return nil }
      self = .socket(path: path)
      return
    }
    return nil
  }
}
