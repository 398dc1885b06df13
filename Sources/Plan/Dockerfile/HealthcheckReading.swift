// `HEALTHCHECK` and its durations (reference E41).

extension Statement {
  func healthcheck() -> HealthcheckInstruction? {
    let end = line.text[rest].firstIndex(where: isBlank) ?? rest.upperBound
    let type = rest.lowerBound..<end
    let command = trimmed(end..<rest.upperBound, line.text)
    switch text(type).uppercased() {
    case "":
      report("`HEALTHCHECK` requires at least one argument", hint: "write `HEALTHCHECK CMD …`")
      return nil
    case "NONE":
      guard command.isEmpty, flags.isEmpty else {
        report("`HEALTHCHECK NONE` takes no arguments", at: command.isEmpty ? type : command)
        return nil
      }
      return HealthcheckInstruction(command: nil)
    case "CMD":
      guard !command.isEmpty else {
        report("missing command after `HEALTHCHECK CMD`", at: type)
        return nil
      }
      return timed(command)
    default:
      report(
        "unknown type `\(text(type))` in `HEALTHCHECK` (try CMD)", at: type,
        hint: "write `HEALTHCHECK CMD \(text(rest))`")
      return nil
    }
  }

  private func timed(_ command: Range<Int>) -> HealthcheckInstruction? {
    var check: HealthcheckInstruction
    switch form(of: command) {
    case .exec(let words):
      guard !words.isEmpty else {
        report("missing command after `HEALTHCHECK CMD`", at: command)
        return nil
      }
      check = HealthcheckInstruction(command: .exec(words.map(\.text)))
    case .shell: check = HealthcheckInstruction(command: .shell(text(command)))
    case .broken: return nil
    }
    check.interval = duration("interval")
    check.timeout = duration("timeout")
    check.startPeriod = duration("start-period")
    check.startInterval = duration("start-interval")
    if let flag = flags.text("retries"), !flag.bytes.isEmpty {
      if let retries = Int32(flag.text) {
        if retries < 0 { report("`--retries` cannot be negative (\(retries))", at: flag.range) }
        check.retries = Int(max(0, retries))
      } else {
        report("`\(flag.text)` of `--retries` is not a whole number", at: flag.range)
      }
    }
    return check
  }

  /// 0 where the flag is not given or was reported.
  private func duration(_ name: String) -> Int64 {
    guard let flag = flags.text(name), !flag.bytes.isEmpty else { return 0 }
    guard let nanoseconds = nanoseconds(flag.text) else {
      report(
        "invalid duration `\(flag.text)` of `--\(name)`", at: flag.range,
        hint: "write a number with a unit, such as `30s`, `1m30s` or `500ms`")
      return 0
    }
    guard nanoseconds == 0 || nanoseconds >= 1_000_000 else {
      report("`--\(name)` cannot be less than 1ms", at: flag.range)
      return 0
    }
    return nanoseconds
  }
}

/// `1h30m`, `1.5s`, `-2ms`: as Go reads durations; nil also where it does not fit.
private func nanoseconds(_ text: String) -> Int64? {
  var rest = text.utf8[...]
  let isNegative = rest.first == UInt8(ascii: "-")
  if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
  if rest.elementsEqual("0".utf8) { return 0 }
  guard !rest.isEmpty else { return nil }
  let units: [String: Double] = [
    "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 6e10, "h": 3.6e12,
  ]
  var total = 0.0
  while !rest.isEmpty {
    let number = rest.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
    rest = rest[number.endIndex...]
    let unit = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
    rest = rest[unit.endIndex...]
    guard number.contains(where: isDigit), let scale = units[String(Substring(unit))],
      let value = Double("0" + String(Substring(number)))
    else { return nil }
    total += value * scale
  }
  return Int64(exactly: (isNegative ? -total : total).rounded())
}
