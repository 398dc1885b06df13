// A pty inside the container: by descriptor from end to end, so that nothing in the container can
// put another file in its place.

import CLinux
import Glibc
import Linux
import SystemPackage

struct Terminal: ~Copyable {
  let master: SharedDescriptor
  let slave: Descriptor

  /// A new pty of the devpts whose root is `terminals`.
  init(in terminals: borrowing Descriptor) throws(SystemCallError) {
    let devptsMagic = 0x1cd1
    guard berth_filesystem_type(terminals.raw) == devptsMagic else {
      throw SystemCallError("fstatfs", "/dev/pts", .invalidArgument)
    }
    let master = try terminals.resolve(
      "ptmx", O_RDWR | O_NOCTTY,
      resolve: Int32(RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS))
    var unlocked: CInt = 0
    try checking("ioctl", "TIOCSPTLCK") {
      berth_ioctl_pointer(master.raw, berth_unlock_pty, &unlocked)
    }
    slave = Descriptor(owning: try checking("ioctl", "TIOCGPTPEER") { berth_pty_peer(master.raw) })
    self.master = SharedDescriptor(master)
  }

  /// Shows the terminal as /dev/console.
  func attachConsole(in devices: borrowing Descriptor) throws(SystemCallError) {
    let file = try devices.openChild(
      "console", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    try DetachedMount.copy(of: slave.raw).attach(to: file)
  }

  /// Makes the terminal the caller's controlling terminal and its standard streams.
  func take() throws(SystemCallError) {
    try checking("ioctl", "TIOCSCTTY") { berth_ioctl_int(slave.raw, UInt(TIOCSCTTY), 0) }
    try useAsStreams(input: slave.raw, output: slave.raw, error: slave.raw)
  }
}

/// Puts the three descriptors on 0, 1 and 2, whichever numbers they have now.
func useAsStreams(input: CInt, output: CInt, error: CInt) throws(SystemCallError) {
  var copies: [CInt] = []
  for stream in [input, output, error] {
    copies.append(try checking("fcntl") { berth_fcntl(stream, F_DUPFD_CLOEXEC, 3) })
  }
  for (number, copy) in copies.enumerated() {
    try checking("dup2") { dup2(copy, CInt(number)) }
    close(copy)
  }
}
