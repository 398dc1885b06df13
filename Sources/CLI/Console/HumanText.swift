// Times, sizes and counts in the words that people know from docker.

/// `2 minutes`, `About an hour`, `Less than a second`: the age of something.
///
/// - Parameter seconds: of age; negative counts as zero.
package func humanDuration(seconds: Int64) -> String {
  let minutes = seconds / 60
  let hours = (seconds + 1800) / 3600
  switch seconds {
  case ..<1: return "Less than a second"
  case 1: return "1 second"
  case ..<60: return "\(seconds) seconds"
  default: break
  }
  if minutes == 1 { return "About a minute" }
  if minutes < 60 { return "\(minutes) minutes" }
  if hours == 1 { return "About an hour" }
  if hours < 48 { return "\(hours) hours" }
  if hours < 24 * 14 { return "\(hours / 24) days" }
  if hours < 24 * 60 { return "\(hours / 24 / 7) weeks" }
  if hours < 24 * 365 * 2 { return "\(hours / 24 / 30) months" }
  return "\(hours / 24 / 365) years"
}

/// Decimal units with three digits: `4.27MB`.
package func humanSize(_ bytes: UInt64) -> String {
  let (value, unit) = scaled(bytes, by: 1000)
  let decimals = unit == 0 || value >= 100 ? 0 : (value >= 10 ? 1 : 2)
  return fixed(value, decimals) + ["B", "kB", "MB", "GB", "TB", "PB"][unit]
}

/// Binary units with four digits at most: `7.654GiB`, `64MiB`.
func binarySize(_ bytes: UInt64) -> String {
  let (value, unit) = scaled(bytes, by: 1024)
  let decimals = unit == 0 || value >= 1000 ? 0 : (value >= 100 ? 1 : (value >= 10 ? 2 : 3))
  var text = fixed(value, decimals)
  if decimals > 0 {
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
  }
  return text + ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit]
}

/// The unit is the power of `base`, five at most.
private func scaled(_ bytes: UInt64, by base: Double) -> (value: Double, unit: Int) {
  var value = Double(bytes)
  var unit = 0
  while value >= base, unit < 5 {
    value /= base
    unit += 1
  }
  return (value, unit)
}

/// Rounded to so many decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
  var scaled = value
  for _ in 0..<decimals { scaled *= 10 }
  let digits = String(Int64(scaled.rounded()))
  guard decimals > 0 else { return digits }
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  return "\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
}

/// Cuts to `count` characters, the last of them an ellipsis.
package func shortened(_ text: String, to count: Int) -> String {
  text.count <= count ? text : String(text.prefix(count - 1)) + "…"
}

func columnCount(_ text: String) -> Int { columnCount(text.unicodeScalars) }

/// How wide a terminal shows a text: East Asian characters and pictures take two columns, marks none.
func columnCount(_ scalars: some Sequence<Unicode.Scalar>) -> Int {
  scalars.reduce(0) { sum, scalar in
    switch scalar.value {
    case 0..<0x300: sum + 1
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      sum + 2
    default: sum + (scalar.properties.generalCategory == .nonspacingMark ? 0 : 1)
    }
  }
}

/// Cuts to so many columns of a terminal, the last of them an ellipsis.
func shortened(_ text: String, toColumns columns: Int) -> String {
  if columnCount(text) <= columns { return text }
  var result = ""
  var width = 0
  for character in text {
    width += columnCount(String(character))
    if width > columns - 1 { break }
    result.append(character)
  }
  return columns > 0 ? result + "…" : ""
}
