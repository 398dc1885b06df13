// AppArmor where the kernel has it: berth's own profile, and whether those of others are loaded.

import CLinux
package import Diagnostics
import Glibc
import Linux
import Store
package import SystemPackage

package enum AppArmorError: Diagnosable, Hashable {
  case parser(FilePath, status: Int32)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .parser(let program, let status):
      [
        Diagnostic(
          "loading the AppArmor profile `\(AppArmor.defaultProfile)`: `\(program)` ended with"
            + " \(status)",
          hint: "write `security_opt: [apparmor=unconfined]`, or repair the parser")
      ]
    }
  }
}

package struct AppArmor: Sendable {
  package static let defaultProfile = "berth-default"
  package static let unconfined = "unconfined"

  private let folder: FilePath

  package init(state: FilePath) { folder = state.appending("apparmor") }

  /// Whether the kernel confines by AppArmor.
  package static var isOn: Bool {
    // Kernels without it have no such file.
    let content = try? Descriptor.open("/sys/module/apparmor/parameters/enabled", O_RDONLY)
      .readAll(limit: 16)
    return content?.first == UInt8(ascii: "Y")
  }

  /// Whether a profile of this name is loaded; nil when the kernel does not say.
  package static func isLoaded(_ name: String) -> Bool? {
    let list: [UInt8]
    do throws(SystemCallError) {
      list = try Descriptor.open("/sys/kernel/security/apparmor/profiles", O_RDONLY)
        .readAll(limit: 1 << 20)
    } catch {
      // Where securityfs is not mounted, the start of the program tells.
      return nil
    }
    // `NAME (mode)`; names may have spaces.
    return list.split(separator: UInt8(ascii: "\n")).contains { line in
      line.starts(with: Array("\(name) (".utf8))
    }
  }

  /// The profile of containers that ask for none: loaded when it lacks. Nil where AppArmor is off
  /// or has no parser here. Blocks.
  package func defaultProfile() throws -> String? {
    guard Self.isOn else { return nil }
    if Self.isLoaded(Self.defaultProfile) == true { return Self.defaultProfile }
    guard let parser = Self.parser else { return nil }
    try makeFolders(folder)
    let lock = try FileLock.wait(folder.appending("lock"))
    defer { withExtendedLifetime(lock) {} }
    if Self.isLoaded(Self.defaultProfile) == true { return Self.defaultProfile }
    let file = folder.appending(Self.defaultProfile)
    try writeFile(Array(Self.text.utf8), to: file, .durable)
    let pid = try spawn(parser, ["apparmor_parser", "-K", "-r", file.string])
    var status: CInt = 0
    try retrying("waitpid") { waitpid(pid, &status, 0) }
    guard status == 0 else {
      throw AppArmorError.parser(
        parser, status: berth_exited(status) != 0 ? berth_exit_status(status) : -1)
    }
    return Self.defaultProfile
  }

  /// From folders that only root writes to, never through PATH.
  private static var parser: FilePath? {
    findProgram("apparmor_parser", path: "/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
  }

  /// What the mounts, masks and filters of a container hold already is held here once more. Without
  /// includes, so that the parser alone is enough.
  static let text = """
    profile berth-default flags=(attach_disconnected,mediate_deleted) {
      network,
      capability,
      file,
      umount,
      signal (receive) peer=unconfined,
      signal (send, receive) peer=berth-default,
      ptrace (trace, read, tracedby, readby) peer=berth-default,

      deny mount,

      # Of /proc only what belongs to a process, and settings of the network, can be written.
      deny /proc/* w,
      deny /proc/{acpi,asound,bus,driver,dynamic_debug,fs,irq,scsi,sysvipc,tty}/** wklx,
      deny /proc/sys/[a-mo-z]** wklx,
      deny /proc/sysrq-trigger rwklx,
      deny /proc/kcore rwklx,

      # Of /sys only control groups.
      deny /sys/[a-eg-z]** wklx,
      deny /sys/f[a-rt-z]** wklx,
      deny /sys/fs/[abd-z]** wklx,
      deny /sys/firmware/** rwklx,
      deny /sys/devices/virtual/powercap/** rwklx,
      deny /sys/kernel/security/** rwklx,
    }

    """
}

package enum SELinux {
  /// Whether the kernel labels by SELinux and its files are mounted.
  package static var isOn: Bool { access("/sys/fs/selinux/enforce", F_OK) == 0 }
}
