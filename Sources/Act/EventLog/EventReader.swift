// The reading end of a project's events: what there is, and what comes.

import CLinux
import Glibc
package import Linux
import SystemPackage

package struct EventLine: Hashable, Sendable {
  /// Since 1970.
  package var nanoseconds: Int64
  package var action: String
  /// Of the container.
  package var id: String
  /// A JSON object.
  package var attributes: [UInt8]
}

/// One reader, used by one thread at a time.
package final class EventReader {
  /// One file as far as it was read.
  private struct Place {
    var file: SharedDescriptor
    var inode: ino_t
    /// The beginning of a line whose end is not written yet.
    var rest: [UInt8] = []
  }

  private let log: EventLog
  private let watch: SharedDescriptor
  private var current: Place?
  /// The file before: a writer may have opened it before it was put aside.
  private var previous: Place?

  /// Begins with the oldest event that is kept. Makes the folder of the log where there is none.
  package init(_ log: EventLog) throws(SystemCallError) {
    self.log = log
    let folder = log.file.removingLastComponent()
    try makeFolders(folder)
    let notifications = Descriptor(
      owning: try checking("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) })
    let events = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_FROM)
    try checking("inotify_add_watch", folder.string) {
      folder.withPlatformString { inotify_add_watch(notifications.raw, $0, events) }
    }
    watch = SharedDescriptor(notifications)
    current = Self.open(log.file)
    previous = Self.open(log.aside)
    if let newest = current, let older = previous, newest.inode == older.inode {
      // Put aside between the two looks.
      current = Self.open(log.file)
    }
  }

  /// What has come since the last call, in the order of writing.
  package func next() throws(SystemCallError) -> [EventLine] {
    var lines: [EventLine] = []
    try read(&previous, into: &lines)
    while true {
      try read(&current, into: &lines)
      guard let newer = Self.open(log.file), newer.inode != current?.inode else { return lines }
      if current != nil { previous = current }
      current = newer
    }
  }

  /// Blocks until there may be more, at most so long; negative waits without end.
  package func wait(milliseconds: Int32) throws(SystemCallError) {
    var watched = pollfd(fd: watch.raw, events: Int16(POLLIN), revents: 0)
    let result = poll(&watched, 1, milliseconds)
    if result < 0, Errno.current != .interrupted { throw SystemCallError("poll") }
    var notice = [UInt8](repeating: 0, count: 4096)
    while Glibc.read(watch.raw, &notice, notice.count) > 0 {}
  }

  private static func open(_ path: FilePath) -> Place? {
    // None yet: the first event makes it.
    guard let file = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW) else { return nil }
    var status = stat()
    guard fstat(file.raw, &status) == 0 else { return nil }
    return Place(file: SharedDescriptor(file), inode: status.st_ino)
  }

  private func read(_ place: inout Place?, into lines: inout [EventLine]) throws(SystemCallError) {
    guard var open = place else { return }
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = try retrying("read") { Glibc.read(open.file.raw, &piece, piece.count) }
      if count == 0 { break }
      open.rest += piece[..<count]
      var start = 0
      while let end = open.rest[start...].firstIndex(of: 0x0A) {
        if let line = EventLine(open.rest[start..<end]) { lines.append(line) }
        start = end + 1
      }
      open.rest.removeFirst(start)
    }
    place = open
  }
}

extension EventLine {
  /// Nil for a line that no version of berth has written.
  init?(_ bytes: ArraySlice<UInt8>) {
    let fields = bytes.split(separator: 0x09, maxSplits: 3, omittingEmptySubsequences: false)
    guard fields.count == 4, let time = Int64(String(decoding: fields[0], as: UTF8.self)) else {
      return nil
    }
    self.init(
      nanoseconds: time, action: String(decoding: fields[1], as: UTF8.self),
      id: String(decoding: fields[2], as: UTF8.self), attributes: Array(fields[3]))
  }
}
