// The fields of `RUN --mount` (reference E48 to E52).

import Diagnostics

/// `key=value` or `key` alone; the value is unexpanded.
package struct MountField: Sendable, Hashable {
  package var key: Word
  package var value: Word?
}

struct MountFault: Error {
  var diagnostic: Diagnostic

  init(_ summary: String, at span: SourceSpan, hint: String? = nil) {
    diagnostic = Diagnostic(summary, span: span, hint: hint)
  }
}

extension RunMount {
  /// The same mount with numbers and modes that stand in variables. Words stay unexpanded.
  ///
  /// - Throws: `Faults` with the place of the field.
  package func readingVariables(
    _ expansion: Expansion, _ variables: (String) -> String?
  ) throws -> RunMount {
    guard holdsVariables else { return self }
    var values: [MountField: String] = [:]
    for field in fields where field.holdsVariable {
      if let value = field.value { values[field] = try expansion.text(value, variables) }
    }
    do throws(MountFault) {
      return try RunMount(fields, span: span) { values[$0] }
    } catch {
      throw Faults([error.diagnostic])
    }
  }

  /// - Parameter value: of a field that holds variables; nil leaves it out for now.
  init(
    _ fields: [MountField], span: SourceSpan, value: (MountField) -> String? = { _ in nil }
  ) throws(MountFault) {
    self.init(kind: .bind, isWritable: false, span: span)
    self.fields = fields
    var reader = MountReader(mount: self)
    // The kind first, for it decides what the others may be.
    let known = fields.map { field in
      (field, field.holdsVariable ? value(field) : field.value?.text ?? "")
    }
    for (field, text) in known where field.name == "type" { try reader.readKind(field, text) }
    for (field, text) in known where field.name != "type" { try reader.read(field, text) }
    try reader.finish()
    self = reader.mount
  }
}

extension MountField {
  fileprivate var name: String { key.text.lowercased() }

  fileprivate var holdsVariable: Bool { value?.text.utf8.contains(UInt8(ascii: "$")) ?? false }

  fileprivate var shown: String { value.map { "\(key.text)=\($0.text)" } ?? key.text }
}

private let mountKeys = [
  "type", "from", "source", "target", "readonly", "id", "sharing", "required", "mode", "uid", "gid",
  "src", "dst", "destination", "ro", "rw", "readwrite", "size", "env",
]

private struct MountReader {
  var mount: RunMount
  private var writable: Bool?
  private var hasSharing = false
  /// Kinds and numbers that stand in variables are judged once these are known.
  private var isOpen = false

  init(mount: RunMount) { self.mount = mount }

  mutating func readKind(_ field: MountField, _ text: String?) throws(MountFault) {
    guard let text else {
      isOpen = true
      mount.holdsVariables = true
      return
    }
    guard let kind = RunMount.Kind(rawValue: text.lowercased()) else {
      throw fault(
        "unsupported mount type `\(text)`", field,
        choice(of: text, among: RunMount.Kind.allCases.map(\.rawValue)))
    }
    mount.kind = kind
  }

  /// - Parameter text: nil where the value stands in a variable that is not known yet.
  mutating func read(_ field: MountField, _ text: String?) throws(MountFault) {
    switch field.name {
    case "from":
      // Empty, it is the context, as with BuildKit.
      let from = try named(field)
      mount.from = from.text.isEmpty ? nil : from
    case "source", "src": mount.source = try named(field)
    case "target", "dst", "destination": mount.target = try named(field)
    case "id": mount.id = try named(field)
    case "env": mount.variable = try named(field)
    case "readonly", "ro", "readwrite", "rw", "required", "size", "sharing", "mode", "uid", "gid":
      guard let text else {
        mount.holdsVariables = true
        if field.name == "sharing" { hasSharing = true }
        return
      }
      try readValue(field, text)
    default:
      throw fault(
        "unexpected key `\(field.key.text)` in `\(field.shown)`", field,
        choice(of: field.key.text, among: mountKeys))
    }
  }

  private mutating func readValue(_ field: MountField, _ text: String) throws(MountFault) {
    switch field.name {
    case "readonly", "ro": writable = !(try truth(field, text))
    case "readwrite", "rw": writable = try truth(field, text)
    case "required":
      try allow([.secret, .ssh], field)
      mount.isRequired = try truth(field, text)
    case "size":
      try allow([.tmpfs], field)
      guard field.value != nil, let size = byteCount(text) else { throw invalid(field, text) }
      mount.size = size
    case "sharing":
      _ = try named(field)
      hasSharing = true
      guard let sharing = RunMount.Sharing(rawValue: text.lowercased()) else {
        throw fault(
          "unsupported sharing value `\(text)`", field,
          choice(of: text, among: RunMount.Sharing.allCases.map(\.rawValue)))
      }
      mount.sharing = sharing
    case "mode": mount.mode = try number(field, text, radix: 8)
    case "uid": mount.user = try number(field, text, radix: 10)
    default: mount.group = try number(field, text, radix: 10)
    }
  }

  mutating func finish() throws(MountFault) {
    mount.isWritable = writable ?? (mount.kind == .cache || mount.kind == .tmpfs)
    if isOpen { return }
    let owned: [RunMount.Kind] = [.secret, .ssh, .cache]
    for field in mount.fields where ["mode", "uid", "gid"].contains(field.name) {
      guard owned.contains(mount.kind) else {
        throw fault("`\(field.name)` not allowed for `\(mount.kind.rawValue)` type mounts", field)
      }
    }
    if mount.kind == .secret { try checkSecret() }
    if hasSharing, mount.kind != .cache {
      throw MountFault(
        "invalid cache sharing set for `\(mount.kind.rawValue)` mount", at: mount.span)
    }
    if let variable = mount.variable, mount.kind != .secret {
      throw MountFault(
        "unexpected key `env` for mount type `\(mount.kind.rawValue)`", at: variable.span)
    }
  }

  private func checkSecret() throws(MountFault) {
    if let from = mount.from {
      throw MountFault("secret mount should not have a `from`", at: from.span)
    }
    if hasSharing { throw MountFault("secret mount should not define sharing", at: mount.span) }
    if mount.source == nil, mount.target == nil, mount.id == nil {
      throw MountFault(
        "invalid secret mount: one of `id`, `source`, `target` is required", at: mount.span)
    }
    if mount.source != nil, let id = mount.id {
      throw MountFault("both `source` and `id` can't be set", at: id.span)
    }
  }

  private func named(_ field: MountField) throws(MountFault) -> Word {
    guard let value = field.value else {
      throw fault("invalid field `\(field.key.text)` must be a key=value pair", field)
    }
    return value
  }

  private func allow(_ kinds: [RunMount.Kind], _ field: MountField) throws(MountFault) {
    guard isOpen || kinds.contains(mount.kind) else {
      throw fault(
        "unexpected key `\(field.name)` for mount type `\(mount.kind.rawValue)`", field)
    }
  }

  private func truth(_ field: MountField, _ text: String) throws(MountFault) -> Bool {
    guard field.value != nil else { return true }
    guard let truth = truthValue(of: text) else { throw invalid(field, text) }
    return truth
  }

  private func number(_ field: MountField, _ text: String, radix: Int) throws(MountFault) -> UInt32
  {
    guard field.value != nil, !text.hasPrefix("+"), let number = UInt32(text, radix: radix) else {
      throw fault("invalid value `\(text)` for `\(field.name)`", field)
    }
    return number
  }

  private func invalid(_ field: MountField, _ text: String) -> MountFault {
    fault("invalid value for `\(field.name)`: `\(text)`", field)
  }

  private func fault(_ summary: String, _ field: MountField, _ hint: String? = nil) -> MountFault {
    MountFault(summary, at: field.value?.span ?? field.key.span, hint: hint)
  }

  private func choice(of text: String, among known: [String]) -> String {
    if let near = nearest(to: text, among: known) { return "did you mean `\(near)`?" }
    return "it is one of \(known.map { "`\($0)`" }.joined(separator: ", "))"
  }
}

/// `64m`, `1.5GiB`: bytes in powers of 1024.
private func byteCount(_ text: String) -> UInt64? {
  let bytes = Array(text.lowercased().utf8)
  let end = bytes.firstIndex { !isDigit($0) && $0 != UInt8(ascii: ".") } ?? bytes.count
  var unit = bytes[end...].drop(while: isBlank)
  if unit.last == UInt8(ascii: "b") { unit.removeLast() }
  if unit.last == UInt8(ascii: "i"), unit.count == 2 { unit.removeLast() }
  guard unit.count < 2, end > 0, let number = Double(String(decoding: bytes[..<end], as: UTF8.self))
  else { return nil }
  let scales: [UInt8: Double] = [
    UInt8(ascii: "k"): 0x1p10, UInt8(ascii: "m"): 0x1p20, UInt8(ascii: "g"): 0x1p30,
    UInt8(ascii: "t"): 0x1p40, UInt8(ascii: "p"): 0x1p50,
  ]
  guard let scale = unit.first.map({ scales[$0] }) ?? 1 else { return nil }
  return UInt64(exactly: (number * scale).rounded(.down))
}
