// The container's root as a handle: every path of the container is looked up below it, with the
// container's own links, and never leaves it: openat2(2) with RESOLVE_IN_ROOT.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

struct RootFolder: ~Copyable {
  let handle: Descriptor

  enum Kind {
    case folder
    case file
  }

  /// Magic links (/proc/self/fd/N) would lead out, so they are refused with ELOOP.
  private static let resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS

  func open(_ path: FilePath, _ flags: CInt, extra: CInt = 0) throws(SystemCallError)
    -> Descriptor
  {
    try handle.resolve(path, flags, resolve: Int32(Self.resolve) | extra)
  }

  /// A handle (O_PATH) on `path`, or nil when nothing is there.
  func find(_ path: FilePath) throws(SystemCallError) -> Descriptor? {
    do throws(SystemCallError) {
      return try open(path, O_PATH)
    } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
      return nil
    }
  }

  /// A handle on `path`, which is made when it lacks: folders 0755, a file 0644, of root. Links are
  /// followed as the container would follow them, also those that lead to what is yet to be made.
  func ensure(_ path: FilePath, _ kind: Kind) throws(SystemCallError) -> Descriptor {
    if let found = try find(path) { return found }
    var done = FilePath("/")
    var rest = Array(path.components.map { FilePath(root: nil, components: $0) }.reversed())
    var links = 0
    while let name = rest.popLast() {
      let next = done.appending(name.components)
      if (try find(next)) != nil {
        done = next
        continue
      }
      let parent = try open(done, O_PATH | O_DIRECTORY)
      if try make(name, in: parent, rest.isEmpty ? kind : .folder) {
        done = next
        continue
      }
      // There is something, yet it leads nowhere: a link.
      links += 1
      guard links <= 40 else {
        throw SystemCallError("open", path.string, .tooManySymbolicLinkLevels)
      }
      let target = try readLink(name, in: parent)
      if target.isAbsolute { done = FilePath("/") }
      rest += target.components.map { FilePath(root: nil, components: $0) }.reversed()
    }
    return try open(done, O_PATH)
  }

  /// False when `name` exists.
  private func make(_ name: FilePath, in parent: borrowing Descriptor, _ kind: Kind)
    throws(SystemCallError) -> Bool
  {
    let folder = parent.raw
    let answer = name.withPlatformString { name in
      switch kind {
      case .folder: return mkdirat(folder, name, 0o755)
      case .file:
        let file = berth_openat(
          folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        if file >= 0 { close(file) }
        return file < 0 ? -1 : 0
      }
    }
    if answer == 0 { return true }
    let reason = Errno.current
    if reason == .fileExists { return false }
    throw SystemCallError(kind == .folder ? "mkdir" : "open", name.string, reason)
  }

  private func readLink(_ name: FilePath, in parent: borrowing Descriptor)
    throws(SystemCallError) -> FilePath
  {
    let folder = parent.raw
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = try checking("readlink", name.string) {
      name.withPlatformString { readlinkat(folder, $0, &buffer, 4096) }
    }
    buffer[count] = 0
    return buffer.withUnsafeBufferPointer { pointer in
      pointer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
    }
  }
}

extension Bytes {
  /// The bytes as a path; a NUL ends it.
  var path: FilePath {
    (raw + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { pointer in
        pointer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
      }
    }
  }
}

extension Descriptor {
  func status() throws(SystemCallError) -> stat {
    var status = stat()
    try checking("fstat") { fstat(raw, &status) }
    return status
  }
}

extension FilePath {
  var bytes: [UInt8] {
    withPlatformString { pointer in
      Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer))).map(
        UInt8.init(bitPattern:))
    }
  }
}
