// Starting a program: posix_spawn(3) with exactly the descriptors, words and environment given.

import Glibc
package import SystemPackage

/// Starts `program` in a session of its own, with default signals and /dev/null for the standard
/// streams that `descriptors` does not give. Numbers that are not named are not inherited.
/// - Returns: the pid; the caller waits for it.
@discardableResult
package func spawn(
  _ program: FilePath, _ arguments: [String], environment: [String] = [],
  descriptors: [(from: CInt, to: CInt)] = []
) throws(SystemCallError) -> CInt {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for stream in CInt(0)...2 where !descriptors.contains(where: { $0.to == stream }) {
    posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
  }
  for (from, to) in descriptors { posix_spawn_file_actions_adddup2(&actions, from, to) }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  sigfillset(&signals)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID
  posix_spawnattr_setflags(
    &attributes, Int16(Int32(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | newSession))

  var pid = pid_t()
  let failure = withNullEnded(arguments) { arguments in
    withNullEnded(environment) { environment in
      program.withPlatformString {
        posix_spawn(&pid, $0, &actions, &attributes, arguments, environment)
      }
    }
  }
  if failure != 0 {
    throw SystemCallError("posix_spawn", program.string, Errno(rawValue: failure))
  }
  return pid
}

private func withNullEnded<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return body(copies + [nil])
}
