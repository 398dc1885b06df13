// What a service may do: capabilities, security options and kernel settings as the container's
// blueprint holds them.

import Blueprint
import Compose
import Diagnostics
import Linux
import Runtime
import Store
import SystemPackage

extension Session {
  /// Blocks: filters are compiled at first use.
  func security(of service: Service, in project: Project) throws -> SecurityBlueprint {
    var security = try SecurityProfile.blueprint(
      adding: service.capAdd, dropping: service.capDrop, isPrivileged: service.isPrivileged)
    try checkCapabilities(of: service)
    for sysctl in service.sysctls { security.sysctls[sysctl.key] = sysctl.value }
    var filter: SeccompChoice = security.privileged ? .none : .builtin
    var profile: String?
    for text in service.securityOptions {
      guard let option = SecurityOption(text) else {
        throw fault(service, "invalid security-opt: `\(text)`", hint: nil)
      }
      switch option {
      case .noNewPrivileges(let flag): security.noNewPrivileges = flag
      case .seccompUnconfined: filter = .none
      case .seccompBuiltin: filter = security.privileged ? .none : .builtin
      case .seccompFile(let path): filter = .file(path)
      case .appArmor(let name): profile = name
      case .label(let label): try checkLabel(label, service)
      case .unmaskedPaths:
        security.maskedPaths = []
        security.readOnlyPaths = []
      case .writableCgroups(let flag): security.writableCgroups = flag
      }
    }
    security.seccompFilter = try seccompFilter(filter, security.capabilities, service, project)
    security.appArmorProfile = try appArmor(profile, security.privileged, service)
    return security
  }

  /// ALL is what there is; a name is to be had.
  private func checkCapabilities(of service: Service) throws {
    for text in service.capAdd {
      guard let name = CapabilityNames.name(text),
        let number = CapabilityNames.all.firstIndex(of: name),
        try !hasCapability(number)
      else { continue }
      throw Faults([
        Diagnostic(
          "service `\(service.name)`: `cap_add` asks for `\(name)`, which berth itself does not"
            + " have here",
          span: service.place(of: "cap_add"),
          hint: "run berth with it, or remove it")
      ])
    }
  }

  private enum SeccompChoice {
    case none
    case builtin
    case file(String)
  }

  private func fault(_ service: Service, _ text: String, hint: String?) -> Faults {
    Faults([
      Diagnostic(
        "service `\(service.name)`: \(text)", span: service.place(of: "security_opt"), hint: hint)
    ])
  }

  private func seccompFilter(
    _ choice: SeccompChoice, _ capabilities: [String], _ service: Service, _ project: Project
  ) throws -> Bytes? {
    let profiles = SeccompProfiles(state: layout.state)
    switch choice {
    case .none: return nil
    case .builtin:
      return Bytes(try profiles.defaultFilter(capabilities: capabilities).string)
    case .file(let name):
      let path = FilePath(project.directory).pushing(FilePath(name))
      do {
        return Bytes(
          try profiles.filter(of: path, named: name, capabilities: capabilities).string)
      } catch var error as SeccompFileError {
        // A place within the profile is nearer than that of its name.
        if error.span == nil { error.span = service.place(of: "security_opt") }
        throw error
      }
    }
  }

  private func appArmor(_ asked: String?, _ isPrivileged: Bool, _ service: Service) throws
    -> String?
  {
    guard AppArmor.isOn else {
      if let asked, asked != AppArmor.unconfined {
        throw fault(
          service,
          "`security_opt` asks for the AppArmor profile `\(asked)`, and the kernel here"
            + " has no AppArmor or has it off",
          hint: "remove it, or write `apparmor=unconfined`")
      }
      return nil
    }
    if let asked, asked != AppArmor.defaultProfile {
      if asked != AppArmor.unconfined, AppArmor.isLoaded(asked) == false {
        throw fault(
          service, "the AppArmor profile `\(asked)` is not loaded",
          hint: "load it with `apparmor_parser -r FILE`")
      }
      return asked
    }
    if asked == nil, isPrivileged { return AppArmor.unconfined }
    let own = try AppArmor(state: layout.state).defaultProfile()
    if own == nil, let asked {
      throw fault(
        service,
        "the AppArmor profile `\(asked)` is not loaded, and there is no"
          + " `apparmor_parser` to load it",
        hint: "install the package `apparmor`")
    }
    return own
  }

  private func checkLabel(_ label: String, _ service: Service) throws {
    guard label != "disable" else { return }
    guard !SELinux.isOn else {
      throw fault(
        service, "`security_opt` asks for the SELinux label `\(label)`, and berth sets none",
        hint: "write `label=disable`")
    }
    tell(
      .warning(
        Diagnostic(
          "service `\(service.name)`: `label=\(label)` has no effect: the kernel has no SELinux"
            + " or has it off",
          severity: .warning, span: service.place(of: "security_opt"))))
  }
}
