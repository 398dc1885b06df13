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

  package enum Measure: Sendable {
    /// What is taken of the disk.
    case blocks
    /// The sizes of plain files.
    case contents
  }

  private let measure: Measure
  private var seen: Set<Inode> = []

  package init(of measure: Measure = .blocks) { self.measure = measure }

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
    guard let status = try status(of: name, in: folder) else { return 0 }
    let total = count(status)
    guard status.st_mode & S_IFMT == S_IFDIR else { return total }
    do throws(SystemCallError) {
      let inside = try folder.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      return total &+ (try walk(inside))
    } catch {
      if error.errno == .noSuchFileOrDirectory { return total }
      throw error
    }
  }

  /// A folder on the way down, and what is still to be looked at in it.
  private struct Level {
    var inode: Inode
    var waiting: [FilePath]
  }

  /// Goes through a tree with one folder open at a time, since it may be deeper than a process may
  /// have descriptors. A part that is moved away meanwhile ends the walk.
  private mutating func walk(_ top: consuming Descriptor) throws(SystemCallError) -> UInt64 {
    var total: UInt64 = 0
    var current = top
    var above: [Level] = []
    var waiting = try countContents(of: current, into: &total)
    while true {
      if let name = waiting.popLast() {
        guard let child = try openFolder(name, in: current) else { continue }
        above.append(Level(inode: try inode(of: current), waiting: waiting))
        current = child
        waiting = try countContents(of: current, into: &total)
      } else if let level = above.popLast() {
        current = try current.openChild("..", O_RDONLY | O_DIRECTORY)
        guard try inode(of: current) == level.inode else { return total }
        waiting = level.waiting
      } else {
        return total
      }
    }
  }

  /// - Returns: the folders in it.
  private mutating func countContents(of folder: borrowing Descriptor, into total: inout UInt64)
    throws(SystemCallError) -> [FilePath]
  {
    var folders: [FilePath] = []
    for name in try names(in: folder) {
      guard let status = try status(of: name, in: folder) else { continue }
      total &+= count(status)
      if status.st_mode & S_IFMT == S_IFDIR { folders.append(name) }
    }
    return folders
  }

  private func openFolder(_ name: FilePath, in folder: borrowing Descriptor)
    throws(SystemCallError) -> Descriptor?
  {
    do throws(SystemCallError) {
      return try folder.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return nil }
      throw error
    }
  }

  private func status(of name: FilePath, in folder: borrowing Descriptor) throws(SystemCallError)
    -> stat?
  {
    var status = stat()
    if name.withPlatformString({ fstatat(folder.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      return status
    }
    let reason = Errno.current
    if reason == .noSuchFileOrDirectory { return nil }
    throw SystemCallError("fstatat", name.string, reason)
  }

  private func inode(of folder: borrowing Descriptor) throws(SystemCallError) -> Inode {
    var status = stat()
    try checking("fstat") { fstat(folder.raw, &status) }
    return Inode(device: UInt(status.st_dev), number: UInt(status.st_ino))
  }

  private mutating func count(_ status: stat) -> UInt64 {
    if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR {
      let inode = Inode(device: UInt(status.st_dev), number: UInt(status.st_ino))
      guard seen.insert(inode).inserted else { return 0 }
    }
    if measure == .contents {
      return status.st_mode & S_IFMT == S_IFREG ? UInt64(max(0, status.st_size)) : 0
    }
    // The unit is 512 bytes whatever the file system's blocks are: stat(3type).
    return UInt64(max(0, status.st_blocks)) &* 512
  }
}
