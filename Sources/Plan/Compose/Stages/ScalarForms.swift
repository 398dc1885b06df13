// Long forms of single values: durations, sizes, modes, words and numbers.

extension Canonical {
  func scalarForm(_ node: inout Node, _ form: Form, _ path: [String]) throws(Fault) {
    switch form {
    case .duration:
      guard let text = node.string else { return }
      guard let duration = parseDuration(text) else {
        throw Fault(
          .badValue, "`\(joined(path))` is no duration: `\(text)`", at: node.origin,
          hint: "give number and unit, such as `30s` or `1m30s`")
      }
      node.value = .string(durationText(duration))
    case .bytes: try bytes(&node, path)
    case .size:
      if let number = node.int, number < 0 {
        throw Fault(.outOfRange, "`\(joined(path))` cannot be \(number)", at: node.origin)
      }
      try bytes(&node, path)
    case .mode, .octalNumber:
      try mode(&node, path)
      if form == .mode, let mode = node.int {
        node.value = .string("0" + String(mode, radix: 8))
      }
    case .range(let low, let high):
      let number =
        if case .float(let number) = node.value { Int(exactly: number.rounded(.up)) } else {
          node.int
        }
      guard let number, number < low || number > high else { return }
      throw Fault(
        .outOfRange,
        high == .max
          ? "`\(joined(path))` must be at least \(low), not \(number)"
          : "`\(joined(path))` must be between \(low) and \(high), not \(number)",
        at: node.origin)
    case .pullPolicy: try pullPolicy(node)
    case .containerName: try containerName(node)
    case .whole:
      guard case .float(let number) = node.value else { return }
      try truncate(number, &node, path)
    case .gpus: try gpus(&node)
    case .providerOptions: providerOptions(&node)
    case .ssh:
      guard let fields = pairsNode(node).map else { return }
      node.value = .list(
        fields.entries.map { entry in
          let value = entry.node.text ?? ""
          return Node(value.isEmpty ? entry.key : "\(entry.key)=\(value)", entry.node.origin)
        })
    default: break
    }
  }

  private func mode(_ node: inout Node, _ path: [String]) throws(Fault) {
    if case .float(let number) = node.value { try truncate(number, &node, path) }
    if let text = node.string {
      guard let mode = Int(text.hasPrefix("0o") ? String(text.dropFirst(2)) : text, radix: 8),
        mode >= 0
      else {
        throw Fault(
          .badValue, "`\(joined(path))` is no octal mode: `\(text)`", at: node.origin,
          hint: "such as `0440`")
      }
      node.value = .int(mode)
    }
    guard let mode = node.int, UInt32(exactly: mode) == nil else { return }
    throw Fault(.outOfRange, "`\(joined(path))` cannot be \(mode)", at: node.origin)
  }

  private func pullPolicy(_ node: Node) throws(Fault) {
    guard let text = node.string else { return }
    let words = [
      "always", "never", "missing", "if_not_present", "build", "refresh", "daily", "weekly",
    ]
    if words.contains(text) { return }
    if text.hasPrefix("every_"), isPeriod(text.dropFirst("every_".count)) { return }
    throw Fault(
      .notOneOf, "`pull_policy` cannot be \(text.isEmpty ? "empty" : "`\(text)`")",
      at: node.origin,
      hint: suggestion(text, words)
        ?? "it is one of `always`, `never`, `missing`, `build`, `daily`, `weekly`, `every_12h`")
  }

  /// `64Mi` is what Kubernetes writes.
  private func sizeHint(_ text: String) -> String {
    let isKubernetes = text.last == "i" && parseBytes(text + "b") != nil
    return isKubernetes
      ? "write `\(text)b`" : "give number and unit, such as `512m` or `1g`"
  }

  /// Whole numbers, each with one of the units w, d, h, m and s.
  private func isPeriod(_ text: Substring) -> Bool {
    var wantsUnit = false
    for byte in text.utf8 {
      if byte >= 0x30 && byte <= 0x39 {
        wantsUnit = true
      } else if wantsUnit, "wdhms".utf8.contains(byte) {
        wantsUnit = false
      } else {
        return false
      }
    }
    return !wantsUnit && parseDuration(String(text)) != nil
  }

  /// Two characters in a row that a name may have must be there; the rest is for `up` to say.
  private func containerName(_ node: Node) throws(Fault) {
    guard let text = node.string else { return }
    let bytes = Array(text.utf8)
    let fits = zip(bytes, bytes.dropFirst()).contains { first, second in
      isLetterOrDigit(first)
        && (isLetterOrDigit(second) || [0x2D, 0x2E, 0x5F].contains(second))
    }
    guard !fits else { return }
    throw Fault(
      .badName,
      text.isEmpty ? "`container_name` is empty" : "`\(text)` cannot be a `container_name`",
      at: node.origin,
      hint:
        "it has two or more letters, digits, `_`, `.` and `-`, and begins with a letter or digit")
  }

  /// Numbers that were written as such: whole ones must fit, others must be numbers.
  func number(_ node: inout Node, _ cast: Cast, _ path: [String]) throws(Fault) {
    guard case .float(let number) = node.value, cast == .int || cast == .float else { return }
    if cast == .float, Float(number).isFinite {
      // The reference keeps these in 32 bits.
      let kept = Double("\(Float(number))") ?? number
      node.value = Int(exactly: kept).map { .int($0) } ?? .float(kept)
      return
    }
    try truncate(number, &node, path)
  }

  private func truncate(_ number: Double, _ node: inout Node, _ path: [String]) throws(Fault) {
    guard let whole = Int(exactly: number.rounded(.towardZero)) else {
      throw Fault(
        .outOfRange, "`\(joined(path))` cannot be \(number)", at: node.origin)
    }
    node.value = .int(whole)
  }

  private func bytes(_ node: inout Node, _ path: [String]) throws(Fault) {
    switch node.value {
    case .int(let number):
      guard number >= -1 else {
        throw Fault(.outOfRange, "`\(joined(path))` cannot be \(number)", at: node.origin)
      }
      node.value = .string("\(number)")
    case .float(let number):
      guard let whole = Int(exactly: number.rounded(.towardZero)), whole >= -1 else {
        throw Fault(.outOfRange, "`\(joined(path))` cannot be \(number)", at: node.origin)
      }
      node.value = .string("\(whole)")
    case .string(let text):
      guard let number = parseBytes(text) else {
        throw Fault(
          .badValue, "`\(joined(path))` is no size: `\(text)`", at: node.origin,
          hint: sizeHint(text))
      }
      node.value = .string("\(number)")
    default: break
    }
  }
}
