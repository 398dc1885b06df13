// What has to be there for something to be mounted on it, and is made in a container's writable layer when
// the image lacks it. No program has made it, so no layer shall have it: noted before the program runs, and
// taken away after. By handles below the layer's folder: a program may have put links in the place of what
// was noted (CVE-2024-11218).

import CLinux
import Glibc
import Linux
package import SystemPackage

package struct MountPoints: Sendable {
  private struct Entry: Sendable {
    var path: FilePath
    var inode: UInt
    var isFolder: Bool
    /// It was copied up from a layer below, for something was made in it.
    var isOfImage: Bool
    var modified: timespec
    /// Of its description too.
    var changed: timespec
  }

  /// Nobody mounts more than this in one container.
  private static let limit = 10_000
  private static let resolve = Int32(
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

  /// Folders before what is in them.
  private var entries: [Entry] = []

  /// Notes all that is in `upper` now. Blocks.
  package init(in upper: FilePath) throws {
    let root = try Descriptor.open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    var waiting = [FilePath()]
    while let folder = waiting.popLast() {
      let opened =
        folder.isEmpty
        ? try root.duplicate()
        : try root.resolve(folder, O_RDONLY | O_DIRECTORY, resolve: Self.resolve)
      for name in try names(in: opened) {
        let path = folder.appending(name.components)
        var status = stat()
        let raw = opened.raw
        try checking("fstatat", path.string) {
          name.withPlatformString { fstatat(raw, $0, &status, AT_SYMLINK_NOFOLLOW) }
        }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard entries.count < Self.limit else { return }
        entries.append(
          Entry(
            path: path, inode: UInt(status.st_ino), isFolder: isFolder,
            isOfImage: isFolder ? try isCopiedUp(name, in: opened) : false,
            modified: status.st_mtim, changed: status.st_ctim))
        if isFolder { waiting.append(path) }
      }
    }
  }

  /// Takes away what nothing was put into since. Blocks.
  /// - Parameter lowers: the layers below, lowest first.
  package func remove(from upper: FilePath, lowers: [FilePath]) throws {
    let root = try Descriptor.open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    // What is taken away changes the times of what it was in, so all are looked at first.
    let standing = entries.filter { isAsNoted($0, in: root) }
    for entry in standing.reversed() {
      if entry.isFolder {
        if try remove(entry, in: root), !entry.isOfImage { continue }
        if entry.isOfImage { try restoreTime(entry.path, in: root, lowers) }
      } else {
        _ = try remove(entry, in: root)
      }
    }
    try restoreRootTime(root, lowers)
  }

  private func isAsNoted(_ entry: Entry, in root: borrowing Descriptor) -> Bool {
    // Gone, or behind a link now: then it is not ours to remove.
    guard let handle = try? root.resolve(entry.path, O_PATH | O_NOFOLLOW, resolve: Self.resolve)
    else { return false }
    var status = stat()
    guard fstat(handle.raw, &status) == 0, UInt(status.st_ino) == entry.inode else { return false }
    if entry.isFolder != (status.st_mode & S_IFMT == S_IFDIR) { return false }
    if entry.isFolder, !entry.isOfImage { return true }
    // Whatever was done to it since, be it a change of its mode, it is the program's now.
    guard isSame(status.st_mtim, entry.modified), isSame(status.st_ctim, entry.changed) else {
      return false
    }
    return entry.isFolder || status.st_size == 0
  }

  /// False when something is in it.
  private func remove(_ entry: Entry, in root: borrowing Descriptor) throws -> Bool {
    guard let name = entry.path.lastComponent else { return false }
    let above = entry.path.removingLastComponent()
    let parent =
      above.isEmpty
      ? try root.duplicate()
      : try root.resolve(above, O_RDONLY | O_DIRECTORY, resolve: Self.resolve)
    let raw = parent.raw
    let flags = entry.isFolder ? AT_REMOVEDIR : 0
    let file = FilePath(root: nil, components: name)
    if file.withPlatformString({ unlinkat(raw, $0, flags) }) == 0 { return true }
    let reason = Errno.current
    if reason == .directoryNotEmpty || reason == .noSuchFileOrDirectory { return false }
    throw SystemCallError("unlinkat", entry.path.string, reason)
  }

  /// Gives a folder that was only copied up the time that it has in the image.
  private func restoreTime(
    _ path: FilePath, in root: borrowing Descriptor, _ lowers: [FilePath]
  ) throws {
    guard let folder = try? root.resolve(path, O_RDONLY | O_DIRECTORY, resolve: Self.resolve) else {
      return  // it was taken away with its content
    }
    for lower in lowers.reversed() {
      let layer = try Descriptor.open(lower, O_RDONLY | O_DIRECTORY)
      // A layer that does not have it is passed over.
      guard let found = try? layer.resolve(path, O_PATH | O_DIRECTORY, resolve: Self.resolve) else {
        continue
      }
      return try copyTime(from: found, to: folder)
    }
  }

  private func restoreRootTime(_ root: borrowing Descriptor, _ lowers: [FilePath]) throws {
    guard let lower = lowers.last else { return }
    try copyTime(from: try Descriptor.open(lower, O_RDONLY | O_DIRECTORY), to: root)
  }

  private func copyTime(from source: borrowing Descriptor, to target: borrowing Descriptor) throws {
    var status = stat()
    try checking("fstat") { [raw = source.raw] in fstat(raw, &status) }
    var times = [status.st_atim, status.st_mtim]
    try checking("futimens") { [raw = target.raw] in futimens(raw, &times) }
  }
}

private func isSame(_ left: timespec, _ right: timespec) -> Bool {
  left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec
}

/// overlayfs marks what it has copied up by where it came from.
private func isCopiedUp(_ name: FilePath, in folder: borrowing Descriptor) throws(SystemCallError)
  -> Bool
{
  let opened = try folder.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  return fgetxattr(opened.raw, "trusted.overlay.origin", nil, 0) >= 0
}
