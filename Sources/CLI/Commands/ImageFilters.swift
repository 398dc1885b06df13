// `--filter NAME=VALUE` of the verbs on images and networks.

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
  let (key, value) = try filterParts(
    text, ImageFilterName.allCases.filter(allowed.contains).map(\.rawValue))
  switch ImageFilterName(rawValue: key) {
  case .dangling: return .dangling(try filterFlag(text, value))
  case .reference: return .reference(value)
  case .before: return .before(value)
  case .since: return .since(value)
  case .label:
    let pair = labelParts(value)
    return .label(pair.key, value: pair.value)
  case .notLabel:
    let pair = labelParts(value)
    return .notLabel(pair.key, value: pair.value)
  case .until, nil: return .until(try filterTime(value))
  }
}

/// `NAME=VALUE`, the name being one of `known`.
func filterParts(_ text: String, _ known: [String]) throws -> (key: String, value: String) {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    .map(String.init)
  guard parts.count == 2, known.contains(parts[0]) else {
    throw UsageFault(
      "unknown filter `\(text)`",
      hint: "there are \(known.map { "\($0)=" }.joined(separator: ", "))")
  }
  return (parts[0], parts[1])
}

func filterFlag(_ text: String, _ value: String) throws -> Bool {
  switch value.lowercased() {
  case "true", "1", "t": return true
  case "false", "0", "f": return false
  default:
    let key = text.prefix { $0 != "=" }
    throw UsageFault("invalid filter `\(text)`", hint: "write \(key)=true or false")
  }
}

/// `KEY` or `KEY=VALUE`.
func labelParts(_ text: String) -> (key: String, value: String?) {
  let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    .map(String.init)
  return (pair[0], pair.count == 2 ? pair[1] : nil)
}

func filterTime(_ value: String) throws -> Timestamp {
  guard let limit = Timestamp(typed: value, now: Session.now()) else {
    throw UsageFault(
      "invalid time `\(value)`", hint: "write an age such as 24h, or 2026-01-31T12:00:00Z")
  }
  return limit
}

func timeReading(_ now: Timestamp) -> TimeReading { { Timestamp(typed: $0, now: now) } }
