// Folders: made with tight modes, listed, removed with all that is below.

package import CLinux
import Glibc
package import SystemPackage

/// Makes `path` and what lacks above it, each with `mode`. One that exists is left as it is.
package func makeFolders(_ path: FilePath, mode: mode_t = 0o700) throws(SystemCallError) {
  if path.withPlatformString({ mkdir($0, mode) }) == 0 { return }
  let reason = Errno.current
  if reason == .fileExists { return }
  guard reason == .noSuchFileOrDirectory, !path.removingLastComponent().isEmpty,
    path.removingLastComponent() != path
  else { throw SystemCallError("mkdir", path.string, reason) }
  try makeFolders(path.removingLastComponent(), mode: mode)
  if path.withPlatformString({ mkdir($0, mode) }) != 0, Errno.current != .fileExists {
    throw SystemCallError("mkdir", path.string, .current)
  }
}

/// The names in a folder without `.` and `..`, in no order. A folder that is missing is empty.
package func namesInFolder(_ path: FilePath) throws(SystemCallError) -> [FilePath.Component] {
  var opened = path.withPlatformString { opendir($0) }
  while opened == nil, Errno.current == .interrupted {
    opened = path.withPlatformString { opendir($0) }
  }
  guard let stream = opened else {
    let reason = Errno.current
    if reason == .noSuchFileOrDirectory { return [] }
    throw SystemCallError("opendir", path.string, reason)
  }
  defer { closedir(stream) }
  var names: [FilePath.Component] = []
  while let entry = try nextEntry(stream, path.string) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
    }
    if let component = name.lastComponent, name.string != ".", name.string != ".." {
      names.append(component)
    }
  }
  return names
}

/// Nil at the end. A failure looks the same but for errno: readdir(3). A folder that was removed meanwhile
/// has ended too.
private func nextEntry(_ stream: OpaquePointer, _ path: String) throws(SystemCallError)
  -> UnsafeMutablePointer<dirent>?
{
  errno = 0
  if let entry = readdir(stream) { return entry }
  let reason = Errno.current
  if reason.rawValue == 0 || reason == .noSuchFileOrDirectory { return nil }
  throw SystemCallError("readdir", path, reason)
}

/// Removes a file or a folder with all below it, never following links or crossing into mounts
/// that it did not open. What is already gone is no error.
package func removeTree(_ path: FilePath) throws(SystemCallError) {
  let parent = path.removingLastComponent()
  guard let name = path.lastComponent else {
    throw SystemCallError("unlink", path.string, .invalidArgument)
  }
  let directory: Descriptor
  do {
    directory = try Descriptor.open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY)
  } catch  where error.errno == .noSuchFileOrDirectory {
    return
  }
  try remove(FilePath(root: nil, components: name), in: directory)
}

/// The same for one name in a folder that is open already.
package func removeTree(_ name: FilePath.Component, in folder: borrowing Descriptor)
  throws(SystemCallError)
{
  try remove(FilePath(root: nil, components: name), in: folder)
}

/// So many folders are open at once, one in the other. What is deeper is moved up first: a tree may be
/// deeper than a process may have descriptors.
private let openFolders = 64

private func remove(_ name: FilePath, in directory: borrowing Descriptor) throws(SystemCallError) {
  if try unlinkIfFile(name, in: directory) { return }
  guard let top = try openIfThere(name, in: directory) else { return }
  var moved = 0
  var rest = try names(in: top)
  while let child = rest.popLast() {
    try remove(child, in: top, depth: 1) { folder, deep throws(SystemCallError) in
      while true {
        moved += 1
        let place = FilePath(".berth-removing-\(moved)")
        let noReplace: UInt32 = 1  // RENAME_NOREPLACE
        let result = deep.withPlatformString { deep in
          place.withPlatformString { berth_renameat2(folder, deep, top.raw, $0, noReplace) }
        }
        if result == 0 { return rest.append(place) }
        // A name of its own that looks like ours.
        if Errno.current != .fileExists { throw SystemCallError("rename", deep.string, .current) }
      }
    }
  }
  try removeEmpty(name, in: directory)
}

/// - Parameter moveUp: called for a folder, by its parent and name, that is too deep.
private func remove(
  _ name: FilePath, in directory: borrowing Descriptor, depth: Int,
  _ moveUp: (CInt, FilePath) throws(SystemCallError) -> Void
) throws(SystemCallError) {
  if try unlinkIfFile(name, in: directory) { return }
  guard depth < openFolders else { return try moveUp(directory.raw, name) }
  guard let folder = try openIfThere(name, in: directory) else { return }
  for child in try names(in: folder) { try remove(child, in: folder, depth: depth + 1, moveUp) }
  try removeEmpty(name, in: directory)
}

/// Nil for a folder that another remover of the same tree was faster with.
private func openIfThere(_ name: FilePath, in directory: borrowing Descriptor)
  throws(SystemCallError) -> Descriptor?
{
  do {
    return try directory.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch  where error.errno == .noSuchFileOrDirectory {
    return nil
  }
}

/// Whether that was all: false for a folder.
private func unlinkIfFile(_ name: FilePath, in directory: borrowing Descriptor)
  throws(SystemCallError) -> Bool
{
  if name.withPlatformString({ unlinkat(directory.raw, $0, 0) }) == 0 { return true }
  switch Errno.current {
  case .noSuchFileOrDirectory: return true
  case .isDirectory, .permissionDenied, .notPermitted: return false
  case let reason: throw SystemCallError("unlink", name.string, reason)
  }
}

private func removeEmpty(_ name: FilePath, in directory: borrowing Descriptor)
  throws(SystemCallError)
{
  if name.withPlatformString({ unlinkat(directory.raw, $0, CInt(AT_REMOVEDIR)) }) == 0 { return }
  let reason = Errno.current
  if reason != .noSuchFileOrDirectory { throw SystemCallError("rmdir", name.string, reason) }
}

/// What is in an open folder, without `.` and `..`.
package func names(in folder: borrowing Descriptor) throws(SystemCallError) -> [FilePath] {
  let copy = try folder.duplicate().release()
  guard let stream = fdopendir(copy) else {
    let reason = Errno.current
    close(copy)
    throw SystemCallError("fdopendir", "", reason)
  }
  defer { closedir(stream) }
  var names: [FilePath] = []
  while let entry = try nextEntry(stream, "") {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
    }
    if name.string != ".", name.string != ".." { names.append(name) }
  }
  return names
}
