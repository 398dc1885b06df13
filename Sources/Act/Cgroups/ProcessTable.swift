// The processes of a container, as ps(1) lists them on the host.

package import Blueprint
import CLinux
import Glibc
package import Linux
import SystemPackage

extension Cgroup {
  /// In the order of their numbers; those that end meanwhile are left out.
  package func processTable() throws(SystemCallError) -> [ProcessRow] {
    let users = hostUsers()
    let boot = bootTime()
    return try processes().sorted().compactMap { ProcessRow($0, users, bootedAt: boot) }
  }
}

extension ProcessRow {
  fileprivate init?(_ pid: Int32, _ users: [String: String], bootedAt boot: Int64) {
    guard let stat = ProcessStat(pid) else { return nil }
    let fields = stat.fields
    guard let parent = Int32(fields[1]), let terminal = Int32(fields[4]),
      let user = UInt64(fields[11]), let system = UInt64(fields[12]), let start = UInt64(fields[19])
    else { return nil }
    let ticks = ticksPerSecond
    let life = max(0, wallSeconds() &- boot &- Int64(clamping: start / ticks))
    let cpuSeconds = (user &+ system) / ticks
    let number = readable(FilePath("/proc/\(pid)/status"))?.split(separator: "\n")
      .first { $0.hasPrefix("Uid:") }?.split { $0 == "\t" || $0 == " " }.dropFirst(2).first
    let id = number.map(String.init) ?? "?"
    let words = (readable(FilePath("/proc/\(pid)/cmdline")) ?? "").split(separator: "\0")
    self.init(
      user: users[id] ?? id, pid: pid, parent: parent,
      share: life > 0 ? min(99, Int(clamping: cpuSeconds &* 100 / UInt64(life))) : 0,
      startedAt: Timestamp(
        nanoseconds: (boot &+ Int64(clamping: start / ticks)) &* 1_000_000_000),
      terminal: terminalName(terminal), cpuSeconds: cpuSeconds,
      command: words.isEmpty ? "[\(stat.name)]" : words.joined(separator: " "))
  }
}

/// /proc/PID/stat, see proc(5).
struct ProcessStat {
  /// Of the program, cut to fifteen bytes.
  let name: String
  /// From the state on; twenty at least.
  let fields: [Substring]

  /// Nil when there is no such process any more.
  init?(_ pid: Int32) {
    guard let text = readable(FilePath("/proc/\(pid)/stat")), let end = text.lastIndex(of: ")"),
      let begin = text.firstIndex(of: "("), begin < end
    else { return nil }
    name = String(text[text.index(after: begin)..<end])
    fields = text[text.index(after: end)...].split(separator: " ")
    if fields.count < 20 { return nil }
  }
}

/// Of the times in it.
let ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))

/// How long ago a process was cloned, by the clock that only goes forward; nil when it is gone.
package func processAge(_ pid: Int32) -> Duration? {
  guard let started = ProcessStat(pid)?.fields[19], let ticks = UInt64(started) else { return nil }
  var now = timespec()
  clock_gettime(CLOCK_BOOTTIME, &now)
  let begun =
    Duration.seconds(ticks / ticksPerSecond)
    + .milliseconds(ticks % ticksPerSecond &* 1000 / ticksPerSecond)
  return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec) - begun
}

/// proc_pid_status(5); nil when the process is gone.
package func processStatus(_ pid: Int32) -> String? { readable(FilePath("/proc/\(pid)/status")) }

/// A kernel that does not tell of children tells of none.
package func processHasChildren(_ pid: Int32) -> Bool {
  readable(FilePath("/proc/\(pid)/task/\(pid)/children"))?.isEmpty == false
}

/// `pts/0`, or `?`. The number is that of proc(5).
private func terminalName(_ number: Int32) -> String {
  let (major, minor) = ((number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00))
  switch major {
  case 136...143: return "pts/\((major - 136) * 256 + minor)"
  case 4: return "tty\(minor)"
  default: return "?"
  }
}

private func hostUsers() -> [String: String] {
  var users: [String: String] = [:]
  for line in (readable("/etc/passwd") ?? "").split(separator: "\n") {
    let parts = line.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count > 2, users[String(parts[2])] == nil {
      users[String(parts[2])] = String(parts[0])
    }
  }
  return users
}

/// Seconds since 1970.
private func bootTime() -> Int64 {
  let line = (readable("/proc/stat") ?? "").split(separator: "\n").first { $0.hasPrefix("btime ") }
  return line.flatMap { Int64($0.dropFirst(6)) } ?? 0
}

private func wallSeconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec)
}
