// What is in a folder of a container's root, for TAB.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// One name in a folder of a root.
package struct RootEntry: Sendable, Hashable {
  package var name: String
  package var isFolder: Bool
  /// Removed in this layer of it.
  package var isWhiteout: Bool
}

/// More names than this are not listed.
private let mostEntries = 5_000

/// The root of a process as it sees it, mounts and all. A pid that has been given to another process by
/// now lists that one's root: names alone, to who may see both.
package func entriesInRoot(
  ofProcess pid: Int32, _ folder: FilePath
) throws(SystemCallError) -> [RootEntry] {
  try entriesInRoot(FilePath("/proc/\(pid)/root"), folder)
}

/// - Parameters:
///   - root: links are followed inside of it alone.
///   - folder: in the root, with or without a slash before it.
package func entriesInRoot(
  _ root: FilePath, _ folder: FilePath
) throws(SystemCallError) -> [RootEntry] {
  let top = try Descriptor.open(root, O_PATH | O_DIRECTORY)
  let inside = try top.resolve(
    folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_NONBLOCK,
    resolve: Int32(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
  var entries: [RootEntry] = []
  for name in try names(in: inside).prefix(mostEntries) {
    var status = stat()
    let known = name.withPlatformString { path in
      fstatat(inside.raw, path, &status, AT_SYMLINK_NOFOLLOW) == 0
    }
    guard known else { continue }
    let kind = status.st_mode & S_IFMT
    var isFolder = kind == S_IFDIR
    if kind == S_IFLNK {
      // A link that leads nowhere is no folder.
      isFolder = (try? leadsToFolder(folder.appending(name.components), in: top)) ?? false
    }
    entries.append(
      RootEntry(
        name: name.string, isFolder: isFolder,
        isWhiteout: kind == S_IFCHR && status.st_rdev == 0))
  }
  return entries
}

/// Whether a link leads to a folder; followed inside the root, as all else.
private func leadsToFolder(
  _ path: FilePath, in top: borrowing Descriptor
) throws(SystemCallError) -> Bool {
  _ = try top.resolve(
    path, O_PATH | O_DIRECTORY, resolve: Int32(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
  return true
}
