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
  guard let stream = path.withPlatformString({ opendir($0) }) else {
    let reason = Errno.current
    if reason == .noSuchFileOrDirectory { return [] }
    throw SystemCallError("opendir", path.string, reason)
  }
  defer { closedir(stream) }
  var names: [FilePath.Component] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
    }
    if let component = name.lastComponent, name.string != ".", name.string != ".." {
      names.append(component)
    }
  }
  return names
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
  try removeTree(FilePath(root: nil, components: name), in: directory, depth: 0)
}

/// The same for one name in a folder that is open already.
package func removeTree(_ name: FilePath.Component, in folder: borrowing Descriptor)
  throws(SystemCallError)
{
  try removeTree(FilePath(root: nil, components: name), in: folder, depth: 0)
}

/// Deeper trees than this are not made by anything that berth runs.
private let depthLimit = 4096

private func removeTree(_ name: FilePath, in directory: borrowing Descriptor, depth: Int)
  throws(SystemCallError)
{
  if name.withPlatformString({ unlinkat(directory.raw, $0, 0) }) == 0 { return }
  var reason = Errno.current
  if reason == .noSuchFileOrDirectory { return }
  guard reason == .isDirectory || reason == .permissionDenied || reason == .notPermitted,
    depth < depthLimit
  else { throw SystemCallError("unlink", name.string, reason) }
  let folder = try directory.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  for child in try names(in: folder) {
    try removeTree(child, in: folder, depth: depth + 1)
  }
  if name.withPlatformString({ unlinkat(directory.raw, $0, CInt(AT_REMOVEDIR)) }) != 0 {
    reason = Errno.current
    if reason != .noSuchFileOrDirectory { throw SystemCallError("rmdir", name.string, reason) }
  }
}

/// What is in an open folder, without `.` and `..`.
func names(in folder: borrowing Descriptor) throws(SystemCallError) -> [FilePath] {
  let copy = try folder.duplicate().release()
  guard let stream = fdopendir(copy) else {
    let reason = Errno.current
    close(copy)
    throw SystemCallError("fdopendir", "", reason)
  }
  defer { closedir(stream) }
  var names: [FilePath] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
    }
    if name.string != ".", name.string != ".." { names.append(name) }
  }
  return names
}
