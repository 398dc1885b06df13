// Patience with registries that fail for a while.

import Glibc

/// How often and how patiently a registry is asked again.
package struct RetryPolicy: Sendable {
  package var attempts: Int
  /// Waits before the second, third, … attempt, each lengthened by up to a tenth.
  package var waits: [Duration]
  /// A Retry-After up to this is kept, a longer one fails.
  package var longestWait: Duration

  package init(
    attempts: Int = 5,
    waits: [Duration] = [.milliseconds(300), .seconds(1), .seconds(2), .seconds(4)],
    longestWait: Duration = .seconds(60)
  ) {
    self.attempts = attempts
    self.waits = waits
    self.longestWait = longestWait
  }

  func wait(before attempt: Int) -> Duration {
    let wait = waits.isEmpty ? .zero : waits[min(attempt - 1, waits.count - 1)]
    return wait + wait * Double.random(in: 0...0.1)
  }
}

/// What a Retry-After header says: so many seconds, or the time until a date (RFC 9110 10.2.3). Nil for
/// anything else.
func secondsToWait(_ text: String) -> Int? {
  if let seconds = Int(text) { return seconds }
  return httpDate(text).map { max(0, $0 - time(nil)) }
}

/// `Wed, 21 Oct 2026 07:28:00 GMT` as seconds since 1970.
func httpDate(_ text: String) -> Int? {
  let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  let words = text.split(separator: " ")
  guard words.count == 6, words[5] == "GMT", let day = Int32(words[1]), (1...31).contains(day),
    let month = months.firstIndex(of: String(words[2])), let year = Int32(words[3]),
    (1970...9999).contains(year)
  else { return nil }
  let clock = words[4].split(separator: ":").compactMap { Int32($0) }
  guard clock.count == 3, clock.allSatisfy({ (0...60).contains($0) }) else { return nil }
  var fields = tm()
  (fields.tm_year, fields.tm_mon, fields.tm_mday) = (year - 1900, Int32(month), day)
  (fields.tm_hour, fields.tm_min, fields.tm_sec) = (clock[0], clock[1], clock[2])
  return timegm(&fields)
}
