// The only writes below /proc: through an own procfs that is attached nowhere, so nothing that a
// container mounts can stand in its place.

import CLinux
import Glibc
import Linux
import SystemPackage

struct ProcFiles: ~Copyable {
  private let mount: DetachedMount

  /// A procfs of the calling process's pid namespace.
  init() throws(SystemCallError) {
    let made = try DetachedMount.make("proc", [], .inert)
    let magic = 0x9fa0
    guard berth_filesystem_type(made.root.raw) == magic else {
      throw SystemCallError("fstatfs", "proc", .invalidArgument)
    }
    mount = made
  }

  /// The calling process's descriptors as a folder: what one is on is opened anew through it.
  func ownDescriptors() throws(SystemCallError) -> Descriptor {
    try mount.root.openChild(FilePath("\(getpid())/fd"), O_PATH | O_DIRECTORY)
  }

  /// `net.core.somaxconn` or, for names that have dots in them, `net/ipv4/conf/eth0.1/forwarding`.
  func setSysctl(_ name: String, _ value: String) throws(SystemCallError) {
    let path = name.contains("/") ? name : String(name.map { $0 == "." ? "/" : $0 })
    try write(value, to: "sys/" + path)
  }

  /// Of the calling process.
  func setOutOfMemoryScore(_ adjustment: Int) throws(SystemCallError) {
    try write("\(adjustment)", to: "\(getpid())/oom_score_adj")
  }

  /// The AppArmor profile that the calling process has from its next exec on. Kernels before 5.1
  /// have one place for all security modules.
  func setAppArmorProfile(_ name: String) throws(SystemCallError) {
    do throws(SystemCallError) {
      try write("exec \(name)", to: "\(getpid())/attr/apparmor/exec")
    } catch  where error.errno == .noSuchFileOrDirectory {
      try write("exec \(name)", to: "\(getpid())/attr/exec")
    }
  }

  /// Gives a user namespace its maps, once and for all. `process` is in it and of the calling
  /// process's pid namespace.
  func setMaps(of process: Int32, users: String, groups: String) throws(SystemCallError) {
    try write(users, to: "\(process)/uid_map")
    try write(groups, to: "\(process)/gid_map")
  }

  func userNamespace(of process: Int32) throws(SystemCallError) -> Descriptor {
    // A link of the kernel's own, in a procfs that nobody can reach.
    try mount.root.openChild(FilePath("\(process)/ns/user"), O_RDONLY)
  }

  private func write(_ value: String, to path: String) throws(SystemCallError) {
    let file = try mount.root.resolve(
      FilePath(path), O_WRONLY,
      resolve: Int32(RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS))
    do throws(SystemCallError) {
      try file.writeAll(Array(value.utf8))
    } catch {
      throw SystemCallError("write", path, error.errno)
    }
  }
}
