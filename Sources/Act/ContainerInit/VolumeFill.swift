// First fill of a new volume with what the image has at its target, before any program of the
// container runs: links are copied as links, nothing is followed, and it is done once.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// A volume that is to be filled when it is new.
struct VolumeFilling {
  /// The volume's folder in the store.
  let record: FilePath
  /// The top of the volume's content, opened for reading.
  private let target: SharedDescriptor
  /// What is in the volume stays, so that it is filled once in its life. Memory is new each time,
  /// and its lock is held by the caller.
  private let isLasting: Bool

  init(record: FilePath, target: SharedDescriptor, isLasting: Bool) throws(SystemCallError) {
    self.record = record
    self.isLasting = isLasting
    let folder = try retrying("openat", ".") {
      berth_openat(target.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    }
    self.target = SharedDescriptor(Descriptor(owning: folder))
  }

  /// Copies `source` (a handle in the container's root) into the volume, when the volume was never
  /// filled and is empty.
  ///
  /// The file `filled` beside the data says for good that it was done: it is made when every byte
  /// is on disk. A lock on the volume's folder lets two containers that start together take turns.
  func fill(from source: borrowing Descriptor) throws(SystemCallError) {
    guard isLasting else { return try copy(from: source) }
    let folder = try Descriptor.open(record, O_RDONLY | O_DIRECTORY)
    if faccessat(folder.raw, "filled", F_OK, 0) == 0 { return }
    try retrying("flock", record.string) { flock(folder.raw, LOCK_EX) }
    if faccessat(folder.raw, "filled", F_OK, 0) == 0 { return }
    try copy(from: source)
    let mark = try folder.openChild("filled", O_WRONLY | O_CREAT, mode: 0o600)
    try checking("fsync", record.string) { fsync(mark.raw) }
    try checking("fsync", record.string) { fsync(folder.raw) }
  }

  private func copy(from source: borrowing Descriptor) throws(SystemCallError) {
    let top = Descriptor(
      owning: try checking("fcntl") { berth_fcntl(target.raw, F_DUPFD_CLOEXEC, 3) })
    let found = try entries(of: top)
    // A file system of its own begins with the folder that its maker made.
    guard found.isEmpty || found == ["lost+found"], try source.status().st_mode & S_IFMT == S_IFDIR
    else { return }
    var copy = TreeCopy()
    // The handle is O_PATH: reading wants the folder opened.
    try copy.copyFolder(try source.openChild(".", O_RDONLY | O_DIRECTORY), to: top, depth: 0)
    try checking("syncfs", record.string) { berth_syncfs(target.raw) }
  }
}

/// One file of a hard-linked set.
private struct FileIdentity: Hashable {
  let device: dev_t
  let inode: ino_t
}

private struct TreeCopy {
  private static let depthLimit = 1024
  /// Where the first name of a file with several names was copied to, below the volume.
  private var linked: [FileIdentity: FilePath] = [:]
  private var place = FilePath()
  private var top: CInt = -1

  init() {}

  mutating func copyFolder(
    _ source: borrowing Descriptor, to target: borrowing Descriptor, depth: Int
  ) throws(SystemCallError) {
    guard depth < Self.depthLimit else {
      throw SystemCallError("open", place.string, .tooManySymbolicLinkLevels)
    }
    if depth == 0 { top = target.raw }
    for name in try entries(of: source) {
      place.append(name.components)
      try copyEntry(name, source, target, depth)
      place.removeLastComponent()
    }
    let status = try source.status()
    try copyAttributes(from: source, to: target)
    try give(target, status)
  }

  private mutating func copyEntry(
    _ name: FilePath, _ source: borrowing Descriptor, _ target: borrowing Descriptor, _ depth: Int
  ) throws(SystemCallError) {
    var status = stat()
    let (from, to) = (source.raw, target.raw)
    try checking("stat", place.string) {
      name.withPlatformString { fstatat(from, $0, &status, AT_SYMLINK_NOFOLLOW) }
    }
    let identity = FileIdentity(device: status.st_dev, inode: status.st_ino)
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    if !isFolder, status.st_nlink > 1 {
      if let first = linked[identity] {
        try checking("link", place.string) {
          first.withPlatformString { first in
            name.withPlatformString { linkat(top, first, to, $0, 0) }
          }
        }
        return
      }
      linked[identity] = place
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      try checking("mkdir", place.string) { name.withPlatformString { mkdirat(to, $0, 0o700) } }
      try copyFolder(
        try source.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
        to: try target.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), depth: depth + 1)
    case S_IFREG: try copyFile(name, source, target, status)
    case S_IFLNK: try copyLink(name, from: from, to: to, status)
    default:
      try checking("mknod", place.string) {
        name.withPlatformString { mknodat(to, $0, status.st_mode, status.st_rdev) }
      }
      try checking("chown", place.string) {
        name.withPlatformString {
          fchownat(to, $0, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
        }
      }
    }
  }

  private func copyFile(
    _ name: FilePath, _ source: borrowing Descriptor, _ target: borrowing Descriptor,
    _ status: stat
  ) throws(SystemCallError) {
    let input = try source.openChild(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    let output = try target.openChild(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    while true {
      let copied = try retrying("sendfile", place.string) {
        sendfile(output.raw, input.raw, nil, 16 << 20)
      }
      if copied == 0 { break }
    }
    try copyAttributes(from: input, to: output)
    try give(output, status)
  }

  private func copyLink(_ name: FilePath, from: CInt, to: CInt, _ status: stat)
    throws(SystemCallError)
  {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = try checking("readlink", place.string) {
      name.withPlatformString { readlinkat(from, $0, &buffer, 4096) }
    }
    buffer[count] = 0
    try checking("symlink", place.string) {
      name.withPlatformString { symlinkat(buffer, to, $0) }
    }
    try checking("chown", place.string) {
      name.withPlatformString {
        fchownat(to, $0, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
      }
    }
  }

  /// Owner before mode (changing the owner clears set-id bits), times last.
  private func give(_ target: borrowing Descriptor, _ status: stat) throws(SystemCallError) {
    let raw = target.raw
    try checking("fchown", place.string) { fchown(raw, status.st_uid, status.st_gid) }
    try checking("fchmod", place.string) { fchmod(raw, status.st_mode & 0o7777) }
    let times = [status.st_atim, status.st_mtim]
    try checking("futimens", place.string) { futimens(raw, times) }
  }

  private func copyAttributes(from source: borrowing Descriptor, to target: borrowing Descriptor)
    throws(SystemCallError)
  {
    let (from, to) = (source.raw, target.raw)
    let limit = 1 << 16
    var names = [CChar](repeating: 0, count: limit)
    let size = flistxattr(from, &names, limit)
    // A file system without attributes has none to copy.
    guard size > 0 else { return }
    for name in names[..<size].split(separator: 0) {
      let name = Array(name) + [0]
      var value = [UInt8](repeating: 0, count: limit)
      let length = try checking("fgetxattr", place.string) {
        fgetxattr(from, name, &value, limit)
      }
      if fsetxattr(to, name, value, length, 0) != 0, Errno.current != .notSupported {
        throw SystemCallError("fsetxattr", place.string, .current)
      }
    }
  }
}

/// The names in a folder without `.` and `..`, by an own position so that it can be read again.
private func entries(of folder: borrowing Descriptor) throws(SystemCallError) -> [FilePath] {
  let raw = folder.raw
  try checking("lseek") { lseek(raw, 0, SEEK_SET) }
  var names: [FilePath] = []
  var buffer = [UInt8](repeating: 0, count: 32 << 10)
  while true {
    let count = try checking("getdents64") {
      berth_get_directory_entries(raw, &buffer, buffer.count)
    }
    if count == 0 { return names }
    var offset = 0
    while offset + 19 <= count {
      // linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
      let length = Int(buffer[offset + 16]) | Int(buffer[offset + 17]) << 8
      guard length > 19, offset + length <= count else { break }
      let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
      if !name.elementsEqual([0x2e]), !name.elementsEqual([0x2e, 0x2e]) {
        names.append(Bytes(name).path)
      }
      offset += length
    }
  }
}
