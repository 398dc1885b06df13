// Logging of a service as the container's blueprint holds it. What no driver may be told was refused
// with the file.

import Blueprint
import Compose
import Diagnostics
import Glibc
import Linux

extension Session {
  /// - Parameter blueprint: of the container, as far as it is made.
  func log(of service: Service, _ blueprint: ContainerBlueprint) throws -> LogBlueprint {
    var log = LogBlueprint()
    guard let logging = service.logging else { return log }
    let options = Dictionary(logging.options.map { ($0.key, $0.value) }) { _, last in last }
    log.limit(
      size: options["max-size"].flatMap(parseBytes).map { UInt64($0) }, count: options["max-file"])
    switch logging.driver {
    case "none":
      // A little, for who is in front of the container.
      log.driver = .none
      log.segmentSize = 8 << 20
      log.segmentCount = 2
    case "journald": log.forward = LogIdentity(blueprint, service).journald(options)
    case "syslog": log.forward = try LogIdentity(blueprint, service).syslog(options, of: service)
    default: break
    }
    return log
  }
}

extension LogBlueprint {
  /// One file of docker's is two halves here: with a single segment a full one would be lost whole.
  fileprivate mutating func limit(size: UInt64?, count: String?) {
    let files = count.flatMap(Int.init) ?? (size == nil ? segmentCount : 1)
    if let size { segmentSize = size }
    segmentCount = files
    guard files == 1 else { return }
    segmentSize /= 2
    segmentCount = 2
  }
}

/// What a container is called in logs that hold the lines of many.
private struct LogIdentity {
  let id: String
  let name: String
  let image: ImageIdentity
  let labels: [String: String]
  let environment: [EnvironmentEntry]

  init(_ blueprint: ContainerBlueprint, _ service: Service) {
    id = blueprint.id
    name = blueprint.name
    image = blueprint.image
    labels = blueprint.labels
    environment = service.environment
  }

  func journald(_ options: [String: String]) -> LogForward {
    let tag = tag(options)
    var forward = LogForward(
      form: .journald, transport: .unix, address: "/run/systemd/journal/socket", tag: tag)
    forward.fields = [
      "CONTAINER_ID=\(id.prefix(12))", "CONTAINER_ID_FULL=\(id)", "CONTAINER_NAME=\(name)",
      "CONTAINER_TAG=\(tag)", "IMAGE_NAME=\(image.reference)", "SYSLOG_IDENTIFIER=\(tag)",
    ]
    for (key, value) in attributes(options) {
      forward.fields.append("\(fieldName(key))=\(value)")
    }
    // A newline would end the field, and what follows it be another.
    forward.fields = forward.fields.map { String($0.map { $0.isNewline ? " " : $0 }) }
    return forward
  }

  func syslog(_ options: [String: String], of service: Service) throws -> LogForward {
    let form: LogForward.Form =
      (options["syslog-format"] ?? "").hasPrefix("rfc5424") ? .rfc5424 : .rfc3164
    var forward = LogForward(form: form, transport: .unix, address: "/dev/log", tag: tag(options))
    forward.facility = UInt8(options["syslog-facility"].flatMap(syslogFacility) ?? 3)
    switch options["syslog-address"].flatMap(SyslogAddress.init(parsing:)) {
    case nil: break
    case .socket(let path): forward.address = path
    case .udp(let host, let port):
      forward.transport = .udp
      try forward.aim(at: host, port, service)
    case .tcp(let host, let port):
      forward.transport = .tcp
      try forward.aim(at: host, port, service)
    }
    return forward
  }

  /// Docker's templates, as far as they name the container or its image.
  private func tag(_ options: [String: String]) -> String {
    var tag = options["tag"] ?? "{{.ID}}"
    let values = [
      "ID": String(id.prefix(12)), "FullID": id, "Name": name, "ImageName": image.reference,
      "ImageID": String(image.id.drop { $0 != ":" }.dropFirst().prefix(12)),
      "ImageFullID": image.id,
      "DaemonName": "berth",
    ]
    for (key, value) in values { tag = replaced("{{.\(key)}}", by: value, in: tag) }
    return String(tag.map { $0.isNewline || $0 == " " ? "_" : $0 })
  }

  /// Labels and variables that the options name.
  private func attributes(_ options: [String: String]) -> [(String, String)] {
    let isNamed = { (key: String) in
      let names = Set((options[key] ?? "").split(separator: ",").map(String.init))
      let pattern = options["\(key)-regex"].flatMap(NamePattern.init)
      return { (name: String) in names.contains(name) || pattern?.matches(name) ?? false }
    }
    let (isLabel, isVariable) = (isNamed("labels"), isNamed("env"))
    return labels.filter { isLabel($0.key) }.sorted { $0.key < $1.key }
      .map { ($0.key, $0.value) }
      + environment.filter { isVariable($0.key) }.map { ($0.key, $0.value ?? "") }
  }
}

extension LogForward {
  fileprivate mutating func aim(at host: String, _ port: UInt16, _ service: Service) throws {
    guard let address = addressOfHost(host) else {
      throw Faults([
        Diagnostic(
          "service `\(service.name)` logs to a syslog on `\(host)`, and no address of that is known",
          span: service.span)
      ])
    }
    self.address = address
    self.port = port
    hostname = hostName()
  }
}

/// Capitals, digits and underscores, as journald wants them.
private func fieldName(_ key: String) -> String {
  let name = key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
  return String(name.drop { $0 == "_" || $0.isNumber })
}

private func replaced(_ part: String, by other: String, in text: String) -> String {
  var result = ""
  var rest = text[...]
  while let start = rest.firstIndex(of: "{") {
    result += rest[..<start]
    rest = rest[start...]
    if rest.hasPrefix(part) {
      result += other
      rest = rest.dropFirst(part.count)
    } else {
      result.append("{")
      rest = rest.dropFirst()
    }
  }
  return result + rest
}

private func hostName() -> String {
  var bytes = [CChar](repeating: 0, count: 256)
  gethostname(&bytes, bytes.count - 1)
  return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// The first numeric address of a host.
private func addressOfHost(_ host: String) -> String? {
  var found: UnsafeMutablePointer<addrinfo>?
  guard getaddrinfo(host, nil, nil, &found) == 0, let found else { return nil }
  defer { freeaddrinfo(found) }
  var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
  let result = getnameinfo(
    found.pointee.ai_addr, found.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
    NI_NUMERICHOST)
  guard result == 0 else { return nil }
  return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// `10m`, `512k`, `1g`, with or without a `b`: binary multiples, as log options have them.
func byteSize(_ text: String) -> UInt64? {
  var digits = text.lowercased()
  if digits.hasSuffix("b") { digits.removeLast() }
  let factor: UInt64
  switch digits.last {
  case "k": factor = 1 << 10
  case "m": factor = 1 << 20
  case "g": factor = 1 << 30
  default: factor = 1
  }
  if factor > 1 { digits.removeLast() }
  guard let number = UInt64(digits) else { return nil }
  let (size, overflow) = number.multipliedReportingOverflow(by: factor)
  return overflow ? nil : size
}
