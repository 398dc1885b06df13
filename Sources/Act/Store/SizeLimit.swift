// A limit on what a folder may hold: a project quota, where the file system has them.

import CLinux
package import Diagnostics
import Glibc
import Linux
package import SystemPackage

package struct SizeLimitRefused: Diagnosable, Hashable {
  /// `storage_opt`, or what else asked for it.
  var subject: String
  var folder: String
  var fileSystem: String
  var reason: String

  package var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "\(subject) cannot be limited: the file system of `\(folder)`, \(fileSystem), \(reason)",
        hint: "put berth's state on xfs or ext4 mounted with `prjquota`, or remove the size")
    ]
  }
}

/// Limits what the folders, new and empty, may hold together.
///
/// The project is numbered by the first folder's inode, so it needs no bookkeeping: an inode's number
/// is its own as long as the folder is there. A number in use by somebody else is passed over.
package func limitSize(of folders: [FilePath], to bytes: UInt64, for subject: String) throws {
  guard let first = folders.first else { return }
  let top = try Descriptor.open(first, O_RDONLY | O_DIRECTORY)
  var status = stat()
  try checking("fstat") { fstat(top.raw, &status) }
  let project = try freeProject(top, from: UInt64(status.st_ino), subject, first)
  for folder in folders {
    let handle = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    if berth_join_project(handle.raw, project) != 0 { throw refused(subject, first, top, .current) }
  }
  if berth_limit_project(top.raw, project, bytes) != 0 {
    throw refused(subject, first, top, .current)
  }
}

/// Takes the limit off a folder that is about to go. One without a limit is left alone.
package func releaseSizeLimit(of folder: FilePath) {
  guard let top = try? Descriptor.open(folder, O_RDONLY | O_DIRECTORY) else {
    // A folder that is gone has no limit.
    return
  }
  let project = berth_project(top.raw)
  // The number alone holds nothing: a limit that stays limits nobody.
  if project >= firstProject { _ = berth_limit_project(top.raw, project, 0) }
}

/// Numbers below are people's.
private let firstProject: UInt32 = 1 << 30
private let triedProjects: UInt32 = 64

private func freeProject(
  _ top: borrowing Descriptor, from inode: UInt64, _ subject: String, _ folder: FilePath
) throws -> UInt32 {
  let start = firstProject | UInt32(inode & UInt64(firstProject - 1))
  for step in 0..<triedProjects {
    let project = firstProject | ((start &+ step) & (firstProject - 1))
    let files = berth_project_files(top.raw, project)
    if files == 0 { return project }
    // XFS knows nothing of a project that was never used.
    if files < 0, Errno.current == .noSuchFileOrDirectory { return project }
    if files < 0 { throw refused(subject, folder, top, .current) }
  }
  throw SystemCallError("quotactl", folder.string, .resourceBusy)
}

private func refused(
  _ subject: String, _ folder: FilePath, _ top: borrowing Descriptor, _ reason: Errno
) -> any Error {
  switch reason {
  case .noFunction, .noSuchProcess, .notSupported, Errno(rawValue: ENOTTY), .invalidArgument:
    SizeLimitRefused(
      subject: subject, folder: folder.removingLastComponent().string,
      fileSystem: fileSystemName(top), reason: "is mounted without quotas of projects")
  default: SystemCallError("quotactl", folder.string, reason)
  }
}

private func fileSystemName(_ top: borrowing Descriptor) -> String {
  switch berth_filesystem_type(top.raw) {
  case 0xef53: "ext4"
  case 0x5846_5342: "xfs"
  case 0x9123_683e: "btrfs"
  case 0x0102_1994: "tmpfs"
  case 0x794c_7630: "overlay"
  case 0x2fc1_2fc1: "zfs"
  case 0xf2f5_2010: "f2fs"
  case let magic: "type 0x" + String(magic, radix: 16)
  }
}
