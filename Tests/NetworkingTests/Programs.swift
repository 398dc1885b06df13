// Programs of the system run inside a machine of the laboratory.

import CLinux
import Glibc
import Linux
import Netlink
import SystemPackage

/// Runs a program to its end inside `machine`; throws when it fails.
func run(_ arguments: [String], in machine: Machine) throws {
  var pid: pid_t = 0
  try inNetworkNamespace(machine.namespace.raw) { () throws(SystemCallError) in
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    let result = posix_spawnp(&pid, arguments[0], nil, nil, &pointers, environ)
    if result != 0 { throw SystemCallError("posix_spawn", arguments[0], Errno(rawValue: result)) }
  }
  var status: CInt = 0
  try retrying("waitpid") { waitpid(pid, &status, 0) }
  guard berth_exited(status) != 0, berth_exit_status(status) == 0 else {
    throw SystemCallError(arguments.joined(separator: " "), "", .invalidArgument)
  }
}
