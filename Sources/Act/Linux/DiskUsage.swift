// How much of a disk folders take, counted as du(1) counts.

import CLinux
import Glibc
package import SystemPackage

/// Adds up allocated blocks of all that it is shown, folders included, each inode once.
package struct DiskUsage: Sendable {
  private struct Inode: Hashable {
    var device: UInt
    var number: UInt
  }

  private var seen: Set<Inode> = []

  package init() {}

  /// Bytes that `path` and all below it take and that were not counted before. What is not there, or
  /// goes away meanwhile, counts nothing. Links are not followed. Blocks.
  package mutating func add(_ path: FilePath) throws(SystemCallError) -> UInt64 {
    guard let name = path.lastComponent else { return 0 }
    let parent = path.removingLastComponent()
    do throws(SystemCallError) {
      let folder = try Descriptor.open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY)
      return try add(FilePath(root: nil, components: name), in: folder)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return 0 }
      throw error
    }
  }

  /// What the folder itself takes, without what is in it.
  package mutating func addAlone(_ path: FilePath) throws(SystemCallError) -> UInt64 {
    var status = stat()
    if path.withPlatformString({ lstat($0, &status) }) == 0 { return count(status) }
    let reason = Errno.current
    if reason == .noSuchFileOrDirectory { return 0 }
    throw SystemCallError("lstat", path.string, reason)
  }

  private mutating func add(_ name: FilePath, in folder: borrowing Descriptor)
    throws(SystemCallError) -> UInt64
  {
    var status = stat()
    guard name.withPlatformString({ fstatat(folder.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0
    else {
      let reason = Errno.current
      if reason == .noSuchFileOrDirectory { return 0 }
      throw SystemCallError("fstatat", name.string, reason)
    }
    var total = count(status)
    guard status.st_mode & S_IFMT == S_IFDIR else { return total }
    do throws(SystemCallError) {
      let inside = try folder.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      for child in try names(in: inside) { total &+= try add(child, in: inside) }
    } catch {
      if error.errno != .noSuchFileOrDirectory { throw error }
    }
    return total
  }

  private mutating func count(_ status: stat) -> UInt64 {
    if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR {
      let inode = Inode(device: UInt(status.st_dev), number: UInt(status.st_ino))
      guard seen.insert(inode).inserted else { return 0 }
    }
    // The unit is 512 bytes whatever the file system's blocks are: stat(3type).
    return UInt64(max(0, status.st_blocks)) &* 512
  }
}
