// Takes away what the program may not have: capabilities, identity, system calls.

import Blueprint
import CCapability
import CLinux
import Glibc
import Linux
import SystemPackage

/// What is applied right before exec, with all that has to be read already read.
struct Privileges {
  /// Numbers of the capabilities that may remain.
  var capabilities: Set<cap_value_t>
  /// Raw classic BPF; nil is unconfined.
  var filter: [UInt8]?
  var noNewPrivileges: Bool
  /// nil leaves the program as this process is.
  var appArmorProfile: String?

  /// - Parameters:
  ///   - privileged: all capabilities; whether there is a filter is the blueprint's to say.
  ///   - filter: the compiled filter's content.
  init(_ security: SecurityBlueprint, privileged: Bool, filter: [UInt8]?)
    throws(LaunchFailure)
  {
    capabilities = []
    if privileged {
      capabilities = Set(0..<cap_max_bits())
    } else {
      for name in security.capabilities {
        var number: cap_value_t = 0
        guard cap_from_name("cap_" + name.lowercased(), &number) == 0 else {
          throw LaunchFailure(
            stage: "choosing capabilities", message: "unknown capability `\(name)`")
        }
        capabilities.insert(number)
      }
    }
    self.filter = filter
    noNewPrivileges = security.noNewPrivileges
    appArmorProfile = security.appArmorProfile
    if privileged, appArmorProfile != nil { appArmorProfile = "unconfined" }
  }

  /// Order matters. Without no_new_privs only a privileged process may load a filter, so it comes
  /// first; with it the filter comes last and need not allow what is done before.
  func apply(_ identity: Identity, _ proc: borrowing ProcFiles) throws(LaunchFailure) {
    if let appArmorProfile {
      try step("setting the AppArmor profile `\(appArmorProfile)`") { () throws(SystemCallError) in
        try proc.setAppArmorProfile(appArmorProfile)
      }
    }
    if noNewPrivileges {
      try step("setting no_new_privs") { () throws(SystemCallError) in
        try checking("prctl") { berth_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
      }
    } else {
      try loadFilter()
    }
    try step("limiting capabilities") { () throws(SystemCallError) in try bound() }
    try step("becoming user \(identity.user)") { () throws(SystemCallError) in
      try become(identity)
    }
    try step("setting capabilities") { () throws(SystemCallError) in
      // Nothing at all unless root.
      try setCapabilities(identity.user == 0 ? capabilities : [])
    }
    if noNewPrivileges { try loadFilter() }
  }

  private func loadFilter() throws(LaunchFailure) {
    guard let filter else { return }
    try step("loading the seccomp filter") { () throws(SystemCallError) in
      guard !filter.isEmpty, filter.count % 8 == 0, filter.count <= 4096 * 8 else {
        throw SystemCallError("seccomp", "", .invalidArgument)
      }
      try checking("seccomp") {
        filter.withUnsafeBytes {
          berth_load_seccomp_filter($0.baseAddress, UInt16(filter.count / 8))
        }
      }
    }
  }

  private func bound() throws(SystemCallError) {
    try boundCapabilities(to: capabilities)
    // Kernels without ambient capabilities have nothing to clear.
    _ = cap_reset_ambient()
  }

  private func become(_ identity: Identity) throws(SystemCallError) {
    // The own group among them: a program that gives it up by setgid must not so gain what is denied
    // to its members (CVE-2022-36109).
    let groups = [identity.group] + identity.groups.filter { $0 != identity.group }
    try checking("setgroups") { berth_set_groups(groups, groups.count) }
    try checking("setresgid") { berth_set_group(identity.group) }
    try checking("setresuid") { berth_set_user(identity.user) }
  }
}

/// Reads a compiled filter; a blueprint that names one never runs without it.
func readFilter(_ path: Bytes?) throws(LaunchFailure) -> [UInt8]? {
  guard let path else { return nil }
  return try step("reading the seccomp filter") { () throws(SystemCallError) in
    try Descriptor.open(path.path, O_RDONLY).readAll(limit: 4096 * 8)
  }
}
