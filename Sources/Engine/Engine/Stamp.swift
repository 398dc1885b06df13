// The time as images and records for people tell it.

package import Blueprint
import Glibc

extension Timestamp {
  /// RFC 3339 with nine digits of a second: `2026-01-31T12:00:00.123456789Z`.
  package var rfc3339: String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000_000_000) }
    var fields = tm()
    gmtime_r(&seconds, &fields)
    func padded(_ number: some BinaryInteger, _ width: Int) -> String {
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [
      padded(fields.tm_year + 1900, 4), padded(fields.tm_mon + 1, 2), padded(fields.tm_mday, 2),
    ].joined(separator: "-")
    let clock = [fields.tm_hour, fields.tm_min, fields.tm_sec].map { padded($0, 2) }
      .joined(separator: ":")
    return "\(date)T\(clock).\(padded(rest, 9))Z"
  }
}
