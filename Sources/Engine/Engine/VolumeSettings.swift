// Named volumes, their drivers, and mounts that are another container's.

import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Host
import Linux
import Store
import SystemPackage

extension Session {
  /// A volume by its full name, as its record has it.
  func volume(
    _ name: String, _ mount: Mount, fills: Bool, _ subpath: String?, _ service: Service
  ) throws -> MountStep {
    let driver = try volumes.record(name)?.driver
    if let driver, driver.isMemory, subpath != nil {
      throw UnsupportedSetting(
        service: service, setting: "the subpath of volume `\(name)`",
        hint: "the volume is memory, which has no folders before it is mounted")
    }
    return .volume(
      name: name, source: Bytes(layout.volumeData(name).string), target: Bytes(mount.target),
      readOnly: mount.isReadOnly, fillFromImage: fills, subpath: subpath.map { Bytes($0) },
      driver: driver)
  }

  /// What the driver `local` is told about a volume. The source of a bind is below the project.
  func driverOptions(of volume: Compose.Volume) -> [String: String] {
    var options: [String: String] = [:]
    for option in volume.driverOptions { options[option.key] = option.value }
    guard let source = bindSource(of: volume) else { return options }
    options["device"] = source.string
    return options
  }

  private func bindSource(of volume: Compose.Volume) -> FilePath? {
    func text(_ key: String) -> String { volume.driverOptions.first { $0.key == key }?.value ?? "" }
    let words = text("o").split(separator: ",")
    guard words.contains("bind") || words.contains("rbind"), !text("device").isEmpty else {
      return nil
    }
    let device = FilePath(text("device"))
    let top = loaded?.project.directory ?? request.workingDirectory
    return device.isAbsolute ? device : FilePath(top).pushing(device)
  }

  /// Sources that must be there before anything is made.
  func checkSources(of services: [Service], in project: Project) throws {
    var faults: [Diagnostic] = []
    for service in services {
      for mount in service.mounts {
        guard case .bind(let source, false, _, _) = mount.kind, isMissing(FilePath(source)) else {
          continue
        }
        faults.append(
          Diagnostic(
            "service `\(service.name)`: bind source path does not exist: \(source)",
            span: mount.span, hint: "make it, or leave out `create_host_path: false`"))
      }
    }
    let used = Set(services.flatMap { volumeNames(of: $0, in: project) })
    for volume in project.volumes where used.contains(volume.name) {
      guard let source = bindSource(of: volume), isMissing(source) else { continue }
      faults.append(
        Diagnostic(
          "volume `\(volume.key)`: its device does not exist: \(source.string)",
          span: volume.span, hint: "make it: a volume's device is not made by berth"))
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  private func isMissing(_ path: FilePath) -> Bool {
    path.withPlatformString { access($0, F_OK) } != 0 && Errno.current == .noSuchFileOrDirectory
  }

  /// Who owns outside what a container makes in a bind with `bind_owner: map`: who has called sudo;
  /// for others nobody in particular, which is the owner of the bind's source.
  var ownerOfBinds: OwnerMap {
    func number(_ name: String) -> UInt32? { request.environment[name].flatMap { UInt32($0) } }
    guard host.isPrivileged, let user = number("SUDO_UID"), let group = number("SUDO_GID"),
      user != 0
    else { return OwnerMap() }
    return OwnerMap(user: user, group: group)
  }
}

// MARK: - Mounts of another container

extension Session {
  /// The mounts that `volumes_from` takes over, but for memory, which is each container's own.
  func mounts(from source: VolumesFrom, for service: Service) throws -> [MountStep] {
    try owner(of: source, for: service).mounts.compactMap { step in
      switch step {
      case .volume(let name, let data, let target, let readOnly, _, let subpath, let driver):
        .volume(
          name: name, source: data, target: target, readOnly: readOnly || source.isReadOnly,
          fillFromImage: false, subpath: subpath, driver: driver)
      case .bind(
        let path, let target, let readOnly, let creates, let propagation, let recursion, let owner):
        .bind(
          source: path, target: target, readOnly: readOnly || source.isReadOnly,
          createSource: creates, propagation: propagation, recursion: recursion, owner: owner)
      case .image: step
      case .tmpfs: nil
      }
    }
  }

  private func owner(of source: VolumesFrom, for service: Service) throws -> ContainerBlueprint {
    let found: ContainerBlueprint?
    switch source.source {
    case .service(let name):
      found = try containers.list(project: projectName)
        .filter { $0.service == name && !$0.isOneOff }
        .min { $0.number < $1.number }?.blueprint
    case .container(let name):
      let lease = try containers.names().first { $0.name == name }
      found = try lease.flatMap { try containers.record(id: $0.id, project: $0.project)?.blueprint }
    }
    if let found { return found }
    let name =
      switch source.source {
      case .service(let name): "service `\(name)` has no container"
      case .container(let name): "there is no container `\(name)`"
      }
    throw Faults([
      Diagnostic(
        "service `\(service.name)` takes volumes from what is not there: \(name)",
        span: service.span, hint: "bring it up first")
    ])
  }
}

// MARK: - Servers

extension Session {
  /// With the address of the server by number: the kernel knows no names. Looked up at each start.
  func located(_ step: MountStep) throws -> MountStep {
    guard
      case .volume(let name, let source, let target, let readOnly, let fills, let subpath, _?) =
        step,
      var driver = try volumes.record(name)?.driver, !driver.isBind
    else { return step }
    driver.options = try driver.options.map { option in
      guard ["nfs", "nfs4", "cifs", "smb3"].contains(driver.type), option.hasPrefix("addr=") else {
        return option
      }
      return try "addr=" + address(of: String(option.dropFirst("addr=".count)), volume: name)
    }
    return .volume(
      name: name, source: source, target: target, readOnly: readOnly, fillFromImage: fills,
      subpath: subpath, driver: driver)
  }

  private func address(of server: String, volume: String) throws -> String {
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let answer = getaddrinfo(server, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard answer == 0, let first = list?.pointee,
      getnameinfo(
        first.ai_addr, first.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
    else {
      throw Faults([
        Diagnostic(
          "volume `\(volume)`: its server `\(server)` has no address"
            + (answer == 0 ? "" : ": \(String(cString: gai_strerror(answer)))"),
          hint: "write the server's address behind `addr=` in `o`")
      ])
    }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
