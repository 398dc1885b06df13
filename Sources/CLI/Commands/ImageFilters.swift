// `--filter NAME=VALUE` of the verbs on images.

import Blueprint
import Console
import Engine

enum ImageFilterName: String, CaseIterable {
  case dangling
  case reference
  case before
  case since
  case label
  case notLabel = "label!"
  case until
}

/// - Parameter allowed: what the verb knows.
func imageFilter(_ text: String, _ allowed: Set<ImageFilterName>) throws -> ImageFilter {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    .map(String.init)
  guard parts.count == 2, let name = ImageFilterName(rawValue: parts[0]), allowed.contains(name)
  else {
    let known = ImageFilterName.allCases.filter(allowed.contains).map { "\($0.rawValue)=" }
    throw UsageFault(
      "unknown filter `\(text)`", hint: "there are \(known.joined(separator: ", "))")
  }
  let value = parts[1]
  switch name {
  case .dangling:
    switch value.lowercased() {
    case "true", "1", "t": return .dangling(true)
    case "false", "0", "f": return .dangling(false)
    default: throw UsageFault("invalid filter `\(text)`", hint: "write dangling=true or false")
    }
  case .reference: return .reference(value)
  case .before: return .before(value)
  case .since: return .since(value)
  case .label, .notLabel:
    let pair = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    let wanted = pair.count == 2 ? pair[1] : nil
    return name == .label
      ? .label(pair[0], value: wanted) : .notLabel(pair[0], value: wanted)
  case .until:
    guard let limit = Timestamp(typed: value, now: Session.now()) else {
      throw UsageFault(
        "invalid time `\(value)`", hint: "write an age such as 24h, or 2026-01-31T12:00:00Z")
    }
    return .until(limit)
  }
}

func timeReading(_ now: Timestamp) -> TimeReading { { Timestamp(typed: $0, now: now) } }
