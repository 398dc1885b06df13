// What happened to the containers of a project, in order: one line for each event, appended by whoever
// did it, for there is no daemon that could tell.
//
//   <run>/events/<project>       nanoseconds TAB action TAB container's id TAB JSON object of attributes LF
//   <run>/events/<project>.old   what was written before it
//
// A line is one write(2) to a file that is open for appending, so lines of many writers do not mix.
// Nothing is synced: after a reboot nobody asks.

import CLinux
import Glibc
import Linux
package import SystemPackage

/// The writing end. Shims hold one, so it is small and opens its file for each event.
package struct EventLog: Sendable {
  /// Longest line.
  package static let lineLimit = 2048
  /// So many events are kept at the least.
  package static let keptEvents = 256
  /// A file that has grown to this is put aside for a new one.
  static let fileLimit = lineLimit * keptEvents
  /// Of an action, which may hold a whole command.
  private static let actionLimit = 512

  let file: FilePath

  /// - Parameter run: the run folder.
  package init(run: FilePath, project: String) {
    file = run.appending("events").appending(project)
  }

  /// Appends one event that happens now. Whatever it tells of has happened: that it could not be
  /// written (a full tmpfs) is no reason to undo it.
  ///
  /// - Parameter attributes: a JSON object on one line; one that is too long is left out.
  package func append(_ action: String, of id: String, attributes: String = "{}") {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let nanoseconds = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    var line: [UInt8] = []
    line.append(contentsOf: String(nanoseconds).utf8)
    line.append(tab)
    for byte in action.utf8.prefix(Self.actionLimit) { line.append(byte < 0x20 ? 0x20 : byte) }
    line.append(tab)
    line.append(contentsOf: id.utf8)
    line.append(tab)
    if line.count + attributes.utf8.count < Self.lineLimit {
      line.append(contentsOf: attributes.utf8)
    } else {
      line.append(contentsOf: "{}".utf8)
    }
    line.append(newline)
    guard let opened = open() else { return }
    _ = line.withUnsafeBytes { write(opened.raw, $0.baseAddress, $0.count) }
    rotate(opened)
  }

  private func open() -> Descriptor? {
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
    if let opened = try? Descriptor.open(file, flags) { return opened }
    // The first event since the machine began to run, or nothing can be written here at all.
    try? makeFolders(file.removingLastComponent())
    return try? Descriptor.open(file, flags)
  }

  /// Of several writers one puts the file aside, and none a newer one in its place.
  private func rotate(_ opened: borrowing Descriptor) {
    var (mine, named) = (stat(), stat())
    guard fstat(opened.raw, &mine) == 0, mine.st_size >= Self.fileLimit,
      flock(opened.raw, LOCK_EX | LOCK_NB) == 0,
      file.withPlatformString({ stat($0, &named) }) == 0, named.st_ino == mine.st_ino
    else { return }
    let old = aside
    _ = file.withPlatformString { from in old.withPlatformString { rename(from, $0) } }
  }

  /// No project has a dot in its name.
  var aside: FilePath { FilePath(file.string + ".old") }
}

private let tab: UInt8 = 0x09
private let newline: UInt8 = 0x0A
