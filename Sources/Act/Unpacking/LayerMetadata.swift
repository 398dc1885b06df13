// What a member is besides its content: owner, mode, attributes, time.

import Archive
import CLinux
import Glibc
import Linux
import SystemPackage

extension LayerUnpacker {
  /// Owner first, since it clears set-id bits and capabilities; time last.
  func setMetadata(_ raw: CInt, _ entry: TarEntry) throws {
    guard fchown(raw, entry.uid, entry.gid) == 0 else { throw failure("fchown") }
    guard fchmod(raw, entry.mode) == 0 else { throw failure("fchmod") }
    for attribute in entry.attributes { try setAttribute(raw, attribute) }
    if entry.kind == .file {
      var times = self.times(entry.modified)
      guard futimens(raw, &times) == 0 else { throw failure("futimens") }
    }
  }

  private func setAttribute(_ raw: CInt, _ attribute: TarEntry.Attribute) throws {
    let name = attribute.name
    let overlay = ["trusted.overlay.", "user.overlay."]
    // The image would otherwise speak to overlayfs in berth's name.
    if overlay.contains(where: { name.starts(with: $0.utf8) }) || name.contains(0) { return }
    let result = cString(name) { name in
      attribute.value.withUnsafeBytes { fsetxattr(raw, name, $0.baseAddress, $0.count, 0) }
    }
    if result == 0 { return }
    // Attributes of systems that this one does not have are of no use here.
    guard Errno.current == .notSupported else { throw failure("fsetxattr") }
  }

  func setOwner(_ parent: SharedDescriptor, _ name: [UInt8], _ entry: TarEntry) throws {
    let result = cString(name) {
      fchownat(parent.raw, $0, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW)
    }
    guard result == 0 else { throw failure("fchownat") }
  }

  func setTime(_ parent: SharedDescriptor, _ name: [UInt8], _ time: TarTime) throws {
    var times = self.times(time)
    let result = cString(name) { utimensat(parent.raw, $0, &times, AT_SYMLINK_NOFOLLOW) }
    guard result == 0 else { throw failure("utimensat") }
  }

  private func times(_ time: TarTime) -> [timespec] {
    let stamp = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
    return [stamp, stamp]
  }
}

/// The bytes with a NUL behind them, for a system call. They hold none themselves.
package func cString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) throws -> Result)
  rethrows
  -> Result
{
  try body(bytes.map { CChar(bitPattern: $0) } + [0])
}
