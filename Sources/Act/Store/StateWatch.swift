// Tells when there may be something new to read of a container that runs: its shim writes its state
// aside and renames it, and removes the folder with its end.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// One watcher, used by one thread at a time.
package final class StateWatch: Sendable {
  private let events: SharedDescriptor

  /// - Parameter folder: `<run>/containers/<id>`; it must be there.
  package init(_ folder: FilePath) throws(SystemCallError) {
    let watch = Descriptor(
      owning: try checking("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) })
    // A shim that is killed closes its lock, and removes nothing.
    let wanted = UInt32(IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_CLOSE_WRITE)
    try checking("inotify_add_watch", folder.string) {
      folder.withPlatformString { inotify_add_watch(watch.raw, $0, wanted) }
    }
    events = SharedDescriptor(watch)
  }

  /// Blocks until something has happened, at most so long. What has happened once is told once, so
  /// the state is to be read after each return.
  package func wait(milliseconds: Int32) {
    var watched = pollfd(fd: events.raw, events: Int16(POLLIN), revents: 0)
    poll(&watched, 1, milliseconds)
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(events.raw, buffer.baseAddress, buffer.count) > 0 {}
    }
  }
}
