// setrlimit(2) for the program.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

private let names: [String: CInt] = [
  "cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7,
  "memlock": 8, "as": 9, "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13,
  "rtprio": 14, "rttime": 15,
]

/// Limits that were asked for by name must be had; the default for open files settles for what
/// this process may give.
func setLimits(_ limits: [ProcessLimit]) throws(LaunchFailure) {
  if !limits.contains(where: { $0.name.lowercased() == "nofile" }) {
    var own = rlimit()
    if getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &own) == 0 {
      var wanted = rlimit()
      wanted.rlim_max = min(1_048_576, own.rlim_max)
      wanted.rlim_cur = min(1_024, wanted.rlim_max)
      // Lowering is always allowed.
      _ = setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &wanted)
    }
  }
  for limit in limits { try setLimit(limit) }
}

private func setLimit(_ limit: ProcessLimit) throws(LaunchFailure) {
  let stage = "setting `ulimits.\(limit.name)` to \(text(limit.soft)):\(text(limit.hard))"
  guard let number = names[limit.name.lowercased()] else {
    throw LaunchFailure(stage: stage, message: "there is no such limit")
  }
  let resource = __rlimit_resource_t(UInt32(number))
  var wanted = rlimit()
  wanted.rlim_cur = limit.soft < 0 ? rlim_t.max : rlim_t(limit.soft)
  wanted.rlim_max = limit.hard < 0 ? rlim_t.max : rlim_t(limit.hard)
  do throws(SystemCallError) {
    try checking("setrlimit", limit.name) { setrlimit(resource, &wanted) }
  } catch {
    var own = rlimit()
    let isKnown = getrlimit(resource, &own) == 0
    guard error.errno == .notPermitted, isKnown, wanted.rlim_max > own.rlim_max else {
      throw LaunchFailure(stage, error)
    }
    throw LaunchFailure(
      stage: stage, errno: error.errno,
      message: "the hard limit that berth itself has here is \(own.rlim_max),"
        + " and raising it needs the capability SYS_RESOURCE")
  }
}

private func text(_ limit: Int64) -> String { limit < 0 ? "unlimited" : "\(limit)" }
