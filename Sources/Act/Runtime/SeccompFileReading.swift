// Docker's JSON form of a seccomp profile, read. Members that nobody knows are passed over, as docker
// does: profiles carry comments.

import Diagnostics
import JSON

extension SeccompFile {
  static let mostBytes = 1 << 20

  /// - Parameters:
  ///   - name: how messages call the file.
  ///   - native: this machine, as `archMap` names it: `SCMP_ARCH_X86_64`.
  package init(_ bytes: [UInt8], name: String, native: String) throws(SeccompFileError) {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(
        parsing: bytes, limits: JSONLimits(bytes: Self.mostBytes, depth: 16, values: 100_000))
    } catch {
      var failure = SeccompFileError(file: name, place: "", reason: "\(error)")
      if case .syntax(let offset, let expected) = error {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        failure.reason = "it is no JSON: expected \(expected)"
        failure.span = SourceSpan(file: name, line: line, column: offset - start + 1)
      }
      throw failure
    }
    self = try SeccompReader(file: name, native: native).profile(value)
  }
}

private struct SeccompReader {
  let file: String
  let native: String

  private func wrong(_ place: String, _ reason: String) -> SeccompFileError {
    SeccompFileError(file: file, place: place, reason: reason)
  }

  func profile(_ value: JSONValue) throws(SeccompFileError) -> SeccompFile {
    guard value.object != nil else { throw wrong("", "it is no JSON object") }
    guard value["defaultAction"] != nil else { throw wrong("defaultAction", "it is missing") }
    try flags(value["flags"])
    if let path = value["listenerPath"]?.string, !path.isEmpty {
      throw wrong("listenerPath", "nobody listens here")
    }
    var rules: [SeccompFile.Rule] = []
    for (index, item) in try list(value["syscalls"], "syscalls").enumerated() {
      rules.append(try rule(item, "syscalls[\(index)]"))
    }
    return SeccompFile(
      defaultAction: try action(value["defaultAction"], value["defaultErrnoRet"], "defaultAction"),
      architectures: try architectures(value), rules: rules)
  }

  /// The filter is loaded for one thread and with SPEC_ALLOW in any case.
  private func flags(_ value: JSONValue?) throws(SeccompFileError) {
    for flag in try texts(value, "flags") {
      switch flag {
      case "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW": break
      default: throw wrong("flags", "`\(flag)` cannot be acted on")
      }
    }
  }

  private func architectures(_ value: JSONValue) throws(SeccompFileError) -> [String] {
    let names = try texts(value["architectures"], "architectures")
    let map = try list(value["archMap"], "archMap")
    if !names.isEmpty, !map.isEmpty {
      throw wrong("archMap", "`architectures` is there too: keep one of them")
    }
    var wanted = names
    for (index, entry) in map.enumerated() where entry["architecture"]?.string == native {
      wanted = try texts(entry["subArchitectures"], "archMap[\(index)].subArchitectures")
    }
    var found: [String] = []
    for name in wanted {
      guard let known = Self.architectureNames[name] else {
        throw wrong(names.isEmpty ? "archMap" : "architectures", "there is no `\(name)`")
      }
      found.append(known)
    }
    return found
  }

  private static let architectureNames: [String: String] = {
    let words =
      "x86 x86_64 x32 arm aarch64 mips mips64 mips64n32 mipsel mipsel64 mipsel64n32 ppc ppc64 "
      + "ppc64le s390 s390x parisc parisc64 riscv64"
    let pairs = words.split(separator: " ").map { ("SCMP_ARCH_\($0.uppercased())", String($0)) }
    return Dictionary(pairs) { first, _ in first }
  }()

  private func rule(_ value: JSONValue, _ place: String) throws(SeccompFileError)
    -> SeccompFile.Rule
  {
    var names = try texts(value["names"], place + ".names")
    if let name = value["name"]?.string, !name.isEmpty {
      guard names.isEmpty else { throw wrong(place, "it has both `name` and `names`") }
      names = [name]
    }
    for name in names where name.utf8.contains(0) || name.isEmpty {
      throw wrong(place + ".names", "`\(name)` is no call")
    }
    guard !names.isEmpty else { throw wrong(place, "it names no call") }
    var conditions: [SeccompFile.Condition] = []
    for (index, item) in try list(value["args"], place + ".args").enumerated() {
      conditions.append(try condition(item, place + ".args[\(index)]"))
    }
    return SeccompFile.Rule(
      names: names, action: try action(value["action"], value["errnoRet"], place + ".action"),
      conditions: conditions, includes: try filter(value["includes"], place + ".includes"),
      excludes: try filter(value["excludes"], place + ".excludes"))
  }

  private func action(_ value: JSONValue?, _ data: JSONValue?, _ place: String)
    throws(SeccompFileError) -> SeccompFile.Action
  {
    guard let name = value?.string else { throw wrong(place, "it is no word") }
    var number: UInt32 = 1  // EPERM
    if let data, !data.isNull {
      guard let given = data.number?.integer(UInt16.self), given < 4096 else {
        throw wrong(place, "its errno is no number below 4096")
      }
      number = UInt32(given)
    }
    let base: UInt32
    switch name {
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": base = 0
    case "SCMP_ACT_KILL_PROCESS": base = 0x8000_0000
    case "SCMP_ACT_TRAP": base = 0x0003_0000
    case "SCMP_ACT_ERRNO": base = 0x0005_0000 | number
    case "SCMP_ACT_TRACE": base = 0x7ff0_0000 | number
    case "SCMP_ACT_LOG": base = 0x7ffc_0000
    case "SCMP_ACT_ALLOW": return .allow
    case "SCMP_ACT_NOTIFY": throw wrong(place, "nobody listens to `\(name)` here")
    default: throw wrong(place, "there is no action `\(name)`")
    }
    return SeccompFile.Action(number: base)
  }

  private func condition(_ value: JSONValue, _ place: String) throws(SeccompFileError)
    -> SeccompFile.Condition
  {
    guard let argument = value["index"]?.number?.integer(UInt32.self), argument < 6 else {
      throw wrong(place + ".index", "it is no number below 6")
    }
    let names = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map { "SCMP_CMP_\($0)" }
    guard let name = value["op"]?.string, let compare = names.firstIndex(of: name) else {
      throw wrong(place + ".op", "it is none of \(names.joined(separator: ", "))")
    }
    func operand(_ key: String) throws(SeccompFileError) -> UInt64 {
      guard let found = value[key], !found.isNull else { return 0 }
      guard let number = found.number?.integer(UInt64.self) else {
        throw wrong(place + "." + key, "it is no number of 64 bits")
      }
      return number
    }
    return SeccompFile.Condition(
      argument: argument, compare: Int32(compare) + 1, first: try operand("value"),
      second: try operand("valueTwo"))
  }

  private func filter(_ value: JSONValue?, _ place: String) throws(SeccompFileError)
    -> SeccompFile.Filter
  {
    var filter = SeccompFile.Filter()
    guard let value, !value.isNull else { return filter }
    for name in try texts(value["caps"], place + ".caps") {
      filter.capabilities.append(name.hasPrefix("CAP_") ? String(name.dropFirst(4)) : name)
    }
    filter.machines = try texts(value["arches"], place + ".arches")
    if let text = value["minKernel"]?.string, !text.isEmpty {
      guard let version = KernelVersion(text) else {
        throw wrong(place + ".minKernel", "`\(text)` is no version such as `4.8`")
      }
      filter.kernel = version
    }
    return filter
  }

  private func list(_ value: JSONValue?, _ place: String) throws(SeccompFileError) -> [JSONValue] {
    guard let value, !value.isNull else { return [] }
    guard let items = value.array else { throw wrong(place, "it is no list") }
    return items
  }

  private func texts(_ value: JSONValue?, _ place: String) throws(SeccompFileError) -> [String] {
    var texts: [String] = []
    for item in try list(value, place) {
      guard let text = item.string else { throw wrong(place, "it is no list of words") }
      texts.append(text)
    }
    return texts
  }
}
