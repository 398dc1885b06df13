// What a container uses, counted by the kernel.

package import Blueprint
import Glibc
package import Linux
import SystemPackage

extension Cgroup {
  /// What cannot be read counts as nothing. `pid` is the container's first process.
  package func usage(pid: Int32?) throws(SystemCallError) -> ResourceUsage {
    var usage = ResourceUsage()
    let members = try processes()
    // Where v1 counts processors apart (cpuacct), the container has no group there.
    usage.cpuNanoseconds =
      number("cpu", "cpuacct.usage") ?? field("cpu", "cpu.stat", "usage_usec").map { $0 &* 1000 }
      ?? members.reduce(0) { $0 &+ processorTime(of: $1) }
    let memory = number("memory", "memory.usage_in_bytes") ?? number("memory", "memory.current")
    let idle =
      field("memory", "memory.stat", "total_inactive_file")
      ?? field("memory", "memory.stat", "inactive_file") ?? 0
    usage.memory = memory.map { $0 > idle ? $0 - idle : 0 } ?? 0
    let limit = number("memory", "memory.limit_in_bytes") ?? number("memory", "memory.max")
    let machine = machineMemory()
    usage.memoryLimit = limit.map { min($0, machine) } ?? machine
    usage.processes = number("pids", "pids.current") ?? UInt64(members.count)
    if let pid { (usage.received, usage.sent) = traffic(of: pid) }
    for member in members {
      let counts = counters(FilePath("/proc/\(member)/io"))
      usage.read &+= counts["read_bytes"] ?? 0
      usage.written &+= counts["write_bytes"] ?? 0
    }
    return usage
  }

  private func number(_ controller: String, _ file: String) -> UInt64? {
    guard let group = group(of: controller) else { return nil }
    return readable(group.folder.appending(file)).flatMap { UInt64($0.filter { $0 != "\n" }) }
  }

  private func field(_ controller: String, _ file: String, _ key: String) -> UInt64? {
    guard let group = group(of: controller) else { return nil }
    return counters(group.folder.appending(file))[key]
  }
}

/// `KEY: NUMBER` or `KEY NUMBER` on each line.
private func counters(_ path: FilePath) -> [String: UInt64] {
  var counts: [String: UInt64] = [:]
  for line in (readable(path) ?? "").split(separator: "\n") {
    let parts = line.split { $0 == " " || $0 == ":" || $0 == "\t" }
    if parts.count >= 2, let number = UInt64(parts[1]) { counts[String(parts[0])] = number }
  }
  return counts
}

/// Nanoseconds: of the process, and of its children that it has waited for.
private func processorTime(of pid: Int32) -> UInt64 {
  let own = readable(FilePath("/proc/\(pid)/schedstat"))?.split(separator: " ").first
    .flatMap { UInt64($0) }
  guard let stat = ProcessStat(pid) else { return own ?? 0 }
  let tick = 1_000_000_000 / ticksPerSecond
  let ticks = stat.fields[11...14].map { (UInt64($0) ?? 0) &* tick }
  return (own ?? ticks[0] &+ ticks[1]) &+ ticks[2] &+ ticks[3]
}

private func machineMemory() -> UInt64 {
  (counters("/proc/meminfo")["MemTotal"] ?? 0) &* 1024
}

/// Bytes that have come in and gone out by all interfaces of the process but `lo`.
private func traffic(of pid: Int32) -> (received: UInt64, sent: UInt64) {
  var sum: (received: UInt64, sent: UInt64) = (0, 0)
  for line in (readable(FilePath("/proc/\(pid)/net/dev")) ?? "").split(separator: "\n").dropFirst(2)
  {
    let parts = line.split { $0 == " " || $0 == ":" }
    guard parts.count > 9, parts[0] != "lo" else { continue }
    sum.received &+= UInt64(parts[1]) ?? 0
    sum.sent &+= UInt64(parts[9]) ?? 0
  }
  return sum
}

/// Nil for a file that is not there or cannot be read: the kernel lacks the subject, or the process
/// has ended.
func readable(_ path: FilePath) -> String? {
  guard let bytes = try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20) else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}
