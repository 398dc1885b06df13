// Wall times as text, UTC but for one shape, and back.

package import Blueprint
import Glibc

/// `2026-01-31 12:00:00 +0000 UTC`, as `ps --format json` has it.
package func dateText(_ time: Timestamp) -> String {
  let parts = parts(time)
  return
    "\(parts.date) \(parts.clock) +0000 UTC"
}

/// RFC 3339 with as many digits of a second as it has: `2026-01-31T12:00:00.5Z`.
package func nanoText(_ time: Timestamp) -> String {
  let parts = parts(time)
  var digits = padded(parts.nanoseconds, 9)
  while digits.hasSuffix("0") { digits.removeLast() }
  return "\(parts.date)T\(parts.clock)\(digits.isEmpty ? "" : ".\(digits)")Z"
}

/// `2026-01-31 12:00:00.123456` where the user is.
package func localText(_ time: Timestamp) -> String {
  let parts = parts(time, localtime_r)
  return "\(parts.date) \(parts.clock).\(padded(parts.nanoseconds / 1000, 6))"
}

/// As ps(1) writes when a process began: `12:00` on the same day, else `Jan31`.
package func startText(_ time: Timestamp, _ now: Timestamp) -> String {
  let (then, today) = (parts(time), parts(now))
  if then.date == today.date { return String(then.clock.prefix(5)) }
  let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  let fields = then.date.split(separator: "-")
  let month = fields.count > 1 ? Int(fields[1]) ?? 1 : 1
  return months[month - 1] + (fields.last.map(String.init) ?? "")
}

private typealias Calendar = (UnsafePointer<time_t>, UnsafeMutablePointer<tm>)
  -> UnsafeMutablePointer<tm>?

private func parts(_ time: Timestamp, _ calendar: Calendar = gmtime_r)
  -> (date: String, clock: String, nanoseconds: Int64)
{
  let (seconds, rest) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
  var moment = time_t(rest < 0 ? seconds - 1 : seconds)
  var fields = tm()
  _ = calendar(&moment, &fields)
  let date =
    "\(padded(Int64(fields.tm_year) + 1900, 4))-\(padded(Int64(fields.tm_mon) + 1, 2))"
    + "-\(padded(Int64(fields.tm_mday), 2))"
  let clock =
    "\(padded(Int64(fields.tm_hour), 2)):\(padded(Int64(fields.tm_min), 2))"
    + ":\(padded(Int64(fields.tm_sec), 2))"
  return (date, clock, rest < 0 ? rest + 1_000_000_000 : rest)
}

private func padded(_ number: Int64, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Timestamp {
  /// A time as the user types it: RFC 3339 with or without clock and zone, seconds since 1970, or
  /// an age such as `10m` or `1h30m`. Nil for anything else.
  package init?(typed text: String, now: Timestamp) {
    if let age = Self.age(text) {
      let (moment, isTooFar) = now.nanoseconds.subtractingReportingOverflow(age)
      if isTooFar { return nil }
      self.init(nanoseconds: moment)
    } else if let seconds = Double(text), seconds.isFinite, abs(seconds) < 9e9 {
      self.init(nanoseconds: Int64(seconds * 1e9))
    } else if let moment = Self.moment(text) {
      self.init(nanoseconds: moment)
    } else {
      return nil
    }
  }

  /// RFC 3339 alone; nil for anything else and for times that nanoseconds cannot count to, such as the
  /// year 1 that stands for none.
  package init?(rfc3339 text: String) {
    guard let moment = Self.moment(text) else { return nil }
    self.init(nanoseconds: moment)
  }

  private static func age(_ text: String) -> Int64? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    var total = 0.0
    var digits = ""
    for character in text {
      if let unit = units[character], let number = Double(digits) {
        total += number * unit
        digits = ""
      } else {
        digits.append(character)
      }
    }
    return digits.isEmpty && !text.isEmpty && abs(total) < 9e9 ? Int64(total * 1e9) : nil
  }

  private static func moment(_ text: String) -> Int64? {
    var body = text
    var offset = 0
    if body.hasSuffix("Z") || body.hasSuffix("z") {
      body.removeLast()
    } else if let sign = body.dropFirst(11).lastIndex(where: { $0 == "+" || $0 == "-" }) {
      let zone = body[body.index(after: sign)...].split(separator: ":").compactMap { Int($0) }
      guard zone.count == 2, zone[0] < 24, zone[1] < 60 else { return nil }
      offset = (zone[0] * 3600 + zone[1] * 60) * (body[sign] == "-" ? -1 : 1)
      body = String(body[..<sign])
    }
    let halves = body.split(separator: "T", maxSplits: 1)
    // Outside of these years nanoseconds since 1970 do not fit: images made by no clock say year 1.
    guard let day = halves.first?.split(separator: "-").compactMap({ Int32($0) }), day.count == 3,
      // A count of nanoseconds reaches from 1677 to 2262.
      (1678...2261).contains(day[0]), (1...12).contains(day[1]), (1...31).contains(day[2])
    else { return nil }
    var fields = tm()
    fields.tm_year = day[0] - 1900
    fields.tm_mon = day[1] - 1
    fields.tm_mday = day[2]
    var nanoseconds: Int64 = 0
    if halves.count == 2 {
      let clock = halves[1].split(separator: ":")
      guard clock.count >= 2, let hour = Int32(clock[0]), let minute = Int32(clock[1]),
        (0..<24).contains(hour), (0..<60).contains(minute)
      else { return nil }
      fields.tm_hour = hour
      fields.tm_min = minute
      if clock.count == 3 {
        guard let second = Self.second(clock[2]) else { return nil }
        (fields.tm_sec, nanoseconds) = second
      }
    }
    let seconds = Int64(timegm(&fields)) - Int64(offset)
    return seconds * 1_000_000_000 + nanoseconds
  }

  /// Seconds of a minute, and nanoseconds: what `logs -t` prints comes back as it was.
  private static func second(_ text: Substring) -> (Int32, Int64)? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = Int32(parts[0]), (0..<61).contains(whole) else { return nil }
    guard parts.count == 2 else { return (whole, 0) }
    let digits = parts[1].prefix(9)
    guard !digits.isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int64(digits)
    else { return nil }
    return (whole, (digits.count..<9).reduce(number) { result, _ in result * 10 })
  }
}
