// A registry's token: what it is for, and how long it is good.

import CLinux
import Glibc
import JSON

/// What is going to be done in a repository; tokens are given for that and no more.
struct Scope: Hashable, Sendable {
  enum Actions: String, Sendable {
    case pull
    case push = "pull,push"
  }

  /// Nil asks for nothing but to be known.
  var repository: String?
  var actions = Actions.pull
  /// Another repository that a layer is mounted from.
  var source: String?

  /// As token servers are asked. Who reads keeps to the registry's own words, for some registries
  /// call a repository otherwise than their clients; who writes asks at once for all that is to come.
  func texts(_ challenge: Challenge) -> [String] {
    let asked = challenge.parameters["scope"]?.split(separator: " ").map(String.init) ?? []
    guard let repository else { return [] }
    let own = "repository:\(repository):"
    var texts = [own + actions.rawValue]
    if let source { texts.append("repository:\(source):pull") }
    guard actions == .push else { return asked.isEmpty ? texts : asked }
    return texts
      + asked.filter { text in
        !text.hasPrefix(own) && !(source.map { text.hasPrefix("repository:\($0):") } ?? false)
      }
  }
}

struct Token: Sendable {
  /// What the specification gives a token that does not say.
  private static let defaultSeconds: Int64 = 60
  private static let longestSeconds: Int64 = 24 * 3600

  var text: String
  /// How long it is good from the moment on in which it was asked for, with a little left for the way.
  var lifetime: Duration
  /// Given by some servers to those who log in.
  var identity: String?

  /// Nil when the answer holds no token that fits into a header.
  /// - Parameter now: seconds since 1970.
  init?(_ answer: JSONValue?, now: Int64) {
    guard let text = Self.text(answer?["token"]) ?? Self.text(answer?["access_token"]) else {
      return nil
    }
    self.text = text
    identity = Self.text(answer?["refresh_token"])
    let said = answer?["expires_in"]?.number?.integer(Int64.self)
    var seconds = min(max(1, said ?? Self.defaultSeconds), Self.longestSeconds)
    // A token may come out of the server's own store. Clocks that disagree say nothing.
    if let issued = answer?["issued_at"]?.string.flatMap(secondsSince1970),
      case let (age, false) = now.subtractingReportingOverflow(issued), age > 0, age < seconds
    {
      seconds -= age
    }
    lifetime = .seconds(seconds) - min(.seconds(10), .seconds(seconds) / 10)
  }

  private static func text(_ value: JSONValue?) -> String? {
    guard let text = value?.string, !text.isEmpty,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    return text
  }

  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
  }
}

/// RFC 3339 to whole seconds; nil for anything else.
func secondsSince1970(_ text: String) -> Int64? {
  let bytes = Array(text.utf8)
  guard bytes.count >= 20 else { return nil }
  func number(_ range: Range<Int>) -> Int64? {
    guard bytes[range].allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int64(String(decoding: bytes[range], as: UTF8.self))
  }
  guard let year = number(0..<4), let month = number(5..<7), (1...12).contains(month),
    let day = number(8..<10), (1...31).contains(day), let hour = number(11..<13),
    let minute = number(14..<16), let second = number(17..<19)
  else { return nil }
  var rest = bytes[19...]
  if rest.first == UInt8(ascii: ".") {
    rest = rest.dropFirst().drop { (48...57).contains($0) }
  }
  var offset: Int64 = 0
  if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
    let start = rest.startIndex
    guard rest.count == 6, let hours = number(start + 1..<start + 3),
      let minutes = number(start + 4..<start + 6)
    else { return nil }
    offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "+") ? 60 : -60)
  } else if rest.count != 1 {
    return nil
  }
  // Days from 1970-01-01 in the Gregorian calendar, years beginning in March.
  let shifted = month <= 2 ? year - 1 : year
  let era = shifted / 400
  let yearOfEra = shifted - era * 400
  let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  return days * 86_400 + hour * 3600 + minute * 60 + second - offset
}
