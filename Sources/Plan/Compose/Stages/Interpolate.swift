// Second stage: variables are put into every text value, and text at typed places becomes the
// type (reference S18 to S34). The places of values stay.

struct Interpolation {
  let findings: Findings
  let lookup: (String) -> String?
  /// Where a variable has its value from, for stories.
  var source: (String) -> String? = { _ in nil }
  var used: (VariableUse) -> Void = { _ in }

  /// Interpolates a whole document.
  func apply(_ document: inout Node) {
    var path: [String] = []
    apply(&document, shape: .record(Tables.file), cast: .none, path: &path)
  }

  func apply(_ node: inout Node, shape: Shape?, cast: Cast, path: inout [String]) {
    switch node.value {
    case .string(let text):
      var uses: [VariableInput] = []
      node.value = scalar(text, node.origin, cast, path, &uses)
      if !uses.isEmpty { node.story = [Step(verb: .set, origin: node.origin, uses: uses)] }
    case .list(var items):
      node.value = .null
      let inner = shape?.itemShape
      for index in items.indices {
        path.append("\(index)")
        apply(&items[index], shape: inner, cast: .none, path: &path)
        path.removeLast()
      }
      node.value = .list(items)
    case .map(var fields):
      node.value = .null
      let shape = shape?.mapShape
      fields.rewrite { entry in
        path.append(entry.key)
        let (inner, cast) = shape?.member(entry.key) ?? (nil, .none)
        apply(&entry.node, shape: inner, cast: cast, path: &path)
        path.removeLast()
        return true
      }
      node.value = .map(fields)
    default: break
    }
  }

  private func scalar(
    _ text: String, _ origin: Origin, _ cast: Cast, _ path: [String],
    _ uses: inout [VariableInput]
  ) -> Node.Value {
    var value = text
    var names: [String] = []
    var (seen, told): (Set<String>, Set<String>) = ([], [])
    do throws(TemplateFault) {
      let template = Template(
        lookup: lookup,
        unset: { name, range in
          // Once for each text.
          guard !findings.lacksVariables, told.insert(name).inserted else { return }
          findings.warn(
            Fault(
              .unsetVariable, "variable `\(name)` is not set, a blank text stands in for it",
              at: origin.narrowed(to: range, of: text),
              hint: path.contains(where: Self.isOfShell)
                ? "write `$$\(name)` if a shell in the container is to read it, or set it in `.env`"
                : "set it in `.env`, or give a default: `${\(name):-…}`"))
        },
        used: { use in
          used(use)
          if findings.keepsStories, seen.insert(use.name).inserted { names.append(use.name) }
        })
      value = try template.substitute(text)
    } catch {
      if case .required = error.kind, findings.lacksVariables { return .string(text) }
      findings.add(fault(error, text, origin.narrowed(to: error.range, of: text), path))
      return .string(text)
    }
    uses = names.map { VariableInput(name: $0, value: lookup($0), source: source($0)) }
    do throws(Fault) {
      try findings.growth.take(value.utf8.count - text.utf8.count, of: .text, at: origin)
    } catch {
      findings.add(error)
      return .string(text)
    }
    guard cast != .none else { return .string(value) }
    guard let typed = self.cast(value, cast, origin, path) else {
      findings.add(
        Fault(
          .cast, "`\(joined(path))` must be \(cast.expected), not `\(value)`", at: origin,
          hint: castHint(text, value)))
      return .string(value)
    }
    return typed
  }

  /// A text that became something else: the variables are to blame.
  private func castHint(_ text: String, _ value: String) -> String? {
    guard text != value else { return nil }
    return value.isEmpty
      ? "`\(text)` is empty: set its variable, or give a default: `${NAME:-…}`"
      : "it was written as `\(text)`"
  }

  private func fault(
    _ fault: TemplateFault, _ text: String, _ origin: Origin, _ path: [String]
  ) -> Fault {
    switch fault.kind {
    case .invalid:
      Fault(
        .interpolation,
        "`\(joined(path))` holds an invalid variable: `\(expression(text, fault.range))`",
        at: origin, hint: "write `$$` for a dollar sign that is no variable")
    case .required(let variable, let message):
      Fault(
        .requiredVariable,
        "variable `\(variable)` is required by `\(joined(path))` but has no value"
          + (message.isEmpty ? "" : ": \(message)"), at: origin,
        hint: "set it in the environment or in `.env`: `\(variable)=…`")
    case .tooDeep:
      Fault(
        .interpolation, "variables in `\(joined(path))` are nested deeper than \(Template.depth)",
        at: origin)
    case .tooLong:
      Fault(.interpolation, "`\(joined(path))` grows beyond \(Template.growth) bytes", at: origin)
    }
  }

  /// Attributes that programs of a container read dollar signs in.
  private static func isOfShell(_ key: String) -> Bool {
    ["command", "entrypoint", "healthcheck"].contains(key)
  }

  private func expression(_ text: String, _ range: Range<Int>) -> String {
    let bytes = Array(text.utf8)
    return String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }

  private func cast(
    _ text: String, _ cast: Cast, _ origin: Origin, _ path: [String]
  ) -> Node.Value? {
    switch cast {
    case .none: return .string(text)
    case .int: return decimal(text).map { .int($0) }
    case .float: return Double(text).map { .float($0) }
    case .bool:
      switch text.lowercased() {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "y", "yes", "on", "n", "no", "off":
        let flag = ["y", "yes", "on"].contains(text.lowercased())
        findings.warn(
          Fault(
            .oldBoolean, "`\(text)` at `\(joined(path))` is read as `\(flag)`", at: origin,
            hint: "write `\(flag)`"))
        return .bool(flag)
      default: return nil
      }
    }
  }
}

extension Origin {
  /// The part of a text on one line that some of its bytes stand at; the whole where the text is not
  /// written as it is: with escapes, or over several lines.
  func narrowed(to bytes: Range<Int>, of text: String) -> Origin {
    let scalars = { (range: Range<Int>) in
      String(decoding: Array(text.utf8)[range.clamped(to: 0..<text.utf8.count)], as: UTF8.self)
        .unicodeScalars.count
    }
    let quotes = Int(length) - text.unicodeScalars.count
    guard quotes == 0 || quotes == 2 else { return self }
    var part = self
    part.column += Int32(clamping: quotes / 2 + scalars(0..<bytes.lowerBound))
    part.length = Int32(clamping: max(1, scalars(bytes)))
    return part
  }
}

/// A decimal integer with a sign and nothing else.
func decimal(_ text: some StringProtocol) -> Int? { Int(text) }

func joined(_ path: [String]) -> String { path.joined(separator: ".") }

extension Cast {
  var expected: String {
    switch self {
    case .none: "text"
    case .int: "a whole number"
    case .float: "a number"
    case .bool: "`true` or `false`"
    }
  }
}

extension Shape {
  /// The shape of the items where a list may stand here.
  var itemShape: Shape? {
    switch self {
    case .list(let item, _): item
    case .either(let shapes): shapes.lazy.compactMap(\.itemShape).first
    default: nil
    }
  }

  /// The record or map that may stand here.
  var mapShape: Shape? {
    switch self {
    case .record, .map: self
    case .either(let shapes): shapes.lazy.compactMap(\.mapShape).first
    default: nil
    }
  }

  var record: Record? { if case .record(let record)? = mapShape { record } else { nil } }

  /// What stands under a key of a record or map. `ulimits.nofile` is the one scalar with a cast
  /// that has no attribute of its own.
  func member(_ key: String) -> (Shape, Cast)? {
    switch self {
    case .record(let record): record[key].map { ($0.shape, $0.cast) }
    case .map(let value, .lowercase): (value, .int)
    case .map(let value, _): (value, .none)
    default: nil
    }
  }
}
