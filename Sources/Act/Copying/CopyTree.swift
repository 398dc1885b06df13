// The tree of a container, or of the host, that is copied from or to: a root that nothing leads out of,
// whatever changes below it meanwhile. Each step keeps a handle; no path is used twice.

import CLinux
import Glibc
package import Linux
import SystemPackage

package final class CopyTree {
  package let root: SharedDescriptor
  /// Our own descriptors as a folder of procfs, by which files are opened that were looked at first: opening a device
  /// or a fifo by its name would be felt by whoever has it.
  private let descriptors: SharedDescriptor
  /// For messages: `web-1:` before paths of a container.
  package let label: String

  package init(root: SharedDescriptor, descriptors: SharedDescriptor, label: String) {
    self.root = root
    self.descriptors = descriptors
    self.label = label
  }

  func shown(_ path: [UInt8]) -> String { label + String(decoding: path, as: UTF8.self) }

  /// Looks `path` up with the links of the tree; links into /proc, which would lead out, are refused.
  func open(_ path: [UInt8], _ flags: CInt) throws(SystemCallError) -> SharedDescriptor {
    SharedDescriptor(
      try borrowed(root).resolve(
        filePath(path), flags, resolve: Int32(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)))
  }

  /// A handle on `name` in a folder, or nil when nothing is there. A link is not followed.
  func look(_ name: [UInt8], in folder: SharedDescriptor) throws(SystemCallError)
    -> SharedDescriptor?
  {
    do throws(SystemCallError) {
      return SharedDescriptor(
        try borrowed(folder).openChild(filePath(name), O_PATH | O_NOFOLLOW))
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Whether something else is mounted on `name` in a folder.
  func isMountPoint(_ name: [UInt8], in folder: SharedDescriptor) throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      _ = try borrowed(folder).resolve(
        filePath(name), O_PATH | O_NOFOLLOW, resolve: Int32(RESOLVE_NO_XDEV | RESOLVE_BENEATH))
      return false
    } catch {
      if error.errno == .improperLink { return true }
      throw error
    }
  }

  /// Opens what a handle is on, for reading or writing.
  func reopen(_ handle: SharedDescriptor, _ flags: CInt) throws(SystemCallError) -> Descriptor {
    try borrowed(descriptors).openChild(
      FilePath("\(handle.raw)"), flags | O_NONBLOCK | O_NOCTTY)
  }

  func status(_ handle: SharedDescriptor) throws(SystemCallError) -> FileStatus {
    var status = stat()
    try checking("fstat") { fstat(handle.raw, &status) }
    return FileStatus(status)
  }

  func linkTarget(_ link: SharedDescriptor) throws(SystemCallError) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = try checking("readlink") { readlinkat(link.raw, "", &buffer, buffer.count) }
    return buffer[..<count].map(UInt8.init(bitPattern:))
  }
}

/// The same descriptor under a number of its own, for calls that belong to `Descriptor`.
func borrowed(_ shared: SharedDescriptor) throws(SystemCallError) -> Descriptor {
  Descriptor(owning: try checking("fcntl") { berth_fcntl(shared.raw, F_DUPFD_CLOEXEC, 3) })
}

func filePath(_ bytes: [UInt8]) -> FilePath {
  FilePath(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
}

/// What is of interest of a file, without the C library's types.
struct FileStatus {
  var kind: FileKind
  var mode: UInt32
  var uid: UInt32
  var gid: UInt32
  var size: Int
  var seconds: Int64
  var nanoseconds: Int32
  var links: UInt64
  var device: UInt64
  var inode: UInt64
  var major: UInt32
  var minor: UInt32

  init(_ status: stat) {
    kind = FileKind(mode: status.st_mode)
    mode = UInt32(status.st_mode & 0o7777)
    (uid, gid) = (status.st_uid, status.st_gid)
    size = Int(status.st_size)
    seconds = Int64(status.st_mtim.tv_sec)
    nanoseconds = Int32(truncatingIfNeeded: status.st_mtim.tv_nsec)
    links = UInt64(status.st_nlink)
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    major = UInt32(gnu_dev_major(status.st_rdev))
    minor = UInt32(gnu_dev_minor(status.st_rdev))
  }
}
