// flock(2) on a file of the thing's own folder. Let go when the value goes, or with its process.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// A held lock. The file stays; only its lock matters.
package struct FileLock: ~Copyable, Sendable {
  private let file: Descriptor

  private init(file: consuming Descriptor) { self.file = file }

  /// For a child process that shall hold the lock too.
  package var raw: CInt { file.raw }

  /// Takes the lock, waiting for its holder. Blocks.
  package static func wait(_ path: FilePath) throws(SystemCallError) -> FileLock {
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
    try retrying("flock", path.string) { flock(file.raw, LOCK_EX) }
    return FileLock(file: file)
  }

  /// Takes the lock beside others that share it, waiting for one that holds it alone. Blocks.
  package static func share(_ path: FilePath) throws(SystemCallError) -> FileLock {
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
    try retrying("flock", path.string) { flock(file.raw, LOCK_SH) }
    return FileLock(file: file)
  }

  /// Takes the lock if nobody holds it, else nil.
  package static func attempt(_ path: FilePath) throws(SystemCallError) -> FileLock? {
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
    do {
      try retrying("flock", path.string) { flock(file.raw, LOCK_EX | LOCK_NB) }
    } catch  where error.errno == .wouldBlock {
      return nil
    }
    return FileLock(file: file)
  }

  /// Whether somebody holds the lock of `path` now. A missing file is not held.
  package static func isHeld(_ path: FilePath) -> Bool {
    guard let file = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW) else {
      // No file, no holder; one that cannot be read cannot be asked either.
      return false
    }
    if flock(file.raw, LOCK_SH | LOCK_NB) == 0 { return false }
    return Errno.current == .wouldBlock
  }

  /// Whether the locked file is still the one at `path`: its last holder may have removed it.
  package func isOn(_ path: FilePath) -> Bool {
    var (locked, named) = (stat(), stat())
    return fstat(file.raw, &locked) == 0 && path.withPlatformString { stat($0, &named) } == 0
      && locked.st_ino == named.st_ino && locked.st_dev == named.st_dev
  }

  /// Replaces the file's content: who holds it and what for, for others to read.
  package func describe(_ text: String) throws(SystemCallError) {
    try retrying("ftruncate") { ftruncate(file.raw, 0) }
    try file.writeAll(Array(text.utf8))
  }
}
