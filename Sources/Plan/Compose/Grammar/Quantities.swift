// Durations and byte sizes as text (reference S105, S106).

/// `1h30m`, `1.5s`, `2d`: units ns us µs ms s m h d w. Nil when it is none or does not fit.
func parseDuration(_ text: String) -> Duration? {
  var rest = Array(text.utf8)[...]
  var sign = 1
  if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
    sign = rest.removeFirst() == UInt8(ascii: "-") ? -1 : 1
  }
  if rest.elementsEqual("0".utf8) { return .zero }
  guard !rest.isEmpty else { return nil }
  var total = 0
  while !rest.isEmpty {
    let end = rest.firstIndex { !isDigit($0) && $0 != UInt8(ascii: ".") } ?? rest.endIndex
    let number = String(decoding: rest[..<end], as: UTF8.self)
    rest = rest[end...]
    let unitEnd = rest.firstIndex { isDigit($0) || $0 == UInt8(ascii: ".") } ?? rest.endIndex
    guard let unit = nanoseconds[String(decoding: rest[..<unitEnd], as: UTF8.self)] else {
      return nil
    }
    rest = rest[unitEnd...]
    guard let part = scaled(number, by: unit) else { return nil }
    let (sum, overflow) = total.addingReportingOverflow(part)
    guard !overflow else { return nil }
    total = sum
  }
  return .nanoseconds(sign * total)
}

private let nanoseconds: [String: Int] = [
  "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
  "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000, "w": 604_800_000_000_000,
]

/// A decimal number times a unit, cut to a whole number.
private func scaled(_ number: String, by unit: Int) -> Int? {
  let parts = number.split(separator: ".", omittingEmptySubsequences: false)
  guard parts.count <= 2, number != ".", !number.isEmpty else { return nil }
  guard let whole = parts[0].isEmpty ? 0 : Int(parts[0]) else { return nil }
  let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
  guard !overflow else { return nil }
  guard parts.count == 2, !parts[1].isEmpty else { return product }
  let (sum, carry) = product.addingReportingOverflow(fraction(parts[1], of: unit))
  return carry ? nil : sum
}

/// What digits behind a point are of a unit, cut to a whole number. In integers: what a duration is
/// printed as must be read as the same duration.
private func fraction(_ digits: Substring, of unit: Int) -> Int {
  var (value, scale) = (0, 1)
  // Further digits are less than a nanosecond, and so is what they could carry.
  for digit in digits.utf8.prefix(18) {
    value = value * 10 + Int(digit) - 0x30
    scale *= 10
  }
  return scale.dividingFullWidth(value.multipliedFullWidth(by: unit)).quotient
}

/// As `config` prints durations: `1h30m0s`, `1.5s`, `500ms`, `0s`.
func durationText(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let whole = seconds.magnitude
  let nanoseconds = (attoseconds / 1_000_000_000).magnitude
  let sign = seconds < 0 || attoseconds < 0 ? "-" : ""
  if whole == 0 {
    if nanoseconds == 0 { return "0s" }
    if nanoseconds < 1_000 { return "\(sign)\(nanoseconds)ns" }
    if nanoseconds < 1_000_000 {
      return sign + decimalText(nanoseconds, digits: 3) + "µs"
    }
    return sign + decimalText(nanoseconds, digits: 6) + "ms"
  }
  var text = sign
  if whole >= 3600 { text += "\(whole / 3600)h" }
  if whole >= 60 { text += "\(whole % 3600 / 60)m" }
  let fraction = fractionText(nanoseconds, digits: 9)
  return text + "\(whole % 60)\(fraction)s"
}

private func decimalText(_ number: some BinaryInteger, digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  return "\(Int(number) / scale)" + fractionText(Int(number) % scale, digits: digits)
}

private func fractionText(_ number: some BinaryInteger, digits: Int) -> String {
  guard number != 0 else { return "" }
  var text = String(Int(number))
  text = String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  while text.last == "0" { text.removeLast() }
  return "." + text
}

/// `512m`, `1.5gb`, `64 KiB`: always by 1024; `64Ki` is none. Nil also when it does not fit.
package func parseBytes(_ text: String) -> Int? {
  if text == "-1" { return -1 }
  var body = text.lowercased()[...]
  let hasUnit = body.hasSuffix("b")
  if hasUnit { body = body.dropLast() }
  let isBinary = hasUnit && body.hasSuffix("i")
  if isBinary { body = body.dropLast() }
  var scale = 1
  if let last = body.last, let power = "kmgtp".firstIndex(of: last) {
    scale = 1 << (10 * ("kmgtp".distance(from: "kmgtp".startIndex, to: power) + 1))
    body = body.dropLast()
  } else if isBinary {
    return nil
  }
  if body.last == " " { body = body.dropLast() }
  guard body.utf8.contains(where: isDigit), body.utf8.allSatisfy({ isDigit($0) || $0 == 0x2E })
  else { return nil }
  if let whole = Int(body) {
    let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
    return overflow ? nil : product
  }
  guard let number = Double(body), number * Double(scale) < 9e18 else { return nil }
  return Int(number * Double(scale))
}
