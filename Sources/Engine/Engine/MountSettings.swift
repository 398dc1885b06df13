// A service's mounts as steps: volumes made or found, anonymous ones carried over.

import OCI
import Images
import SystemPackage
import Blueprint
import Compose
import Diagnostics
import Runtime
import Store

extension Session {
  /// The mounts of one container, shallow targets first.
  ///
  /// - Parameter previous: the container that this one replaces: its anonymous volumes are kept.
  func mounts(
    of base: ServiceBase, project: Project, previous: ContainerBlueprint?
  ) throws -> [MountStep] {
    var steps: [MountStep] = []
    for mount in base.service.mounts {
      steps.append(try step(mount, base.service, project, previous))
    }
    for entry in base.service.tmpfs { steps.append(try tmpfs(entry, base.service)) }
    // Volumes of the image, where nothing else is mounted.
    for target in base.image.config.volumes
    where !steps.contains(where: { $0.target == Bytes(target) }) {
      steps.append(try anonymous(target: target, readOnly: false, noCopy: false, previous))
    }
    return steps.enumerated().sorted { left, right in
      let depths = (depth(left.element), depth(right.element))
      return depths.0 == depths.1 ? left.offset < right.offset : depths.0 < depths.1
    }.map(\.element)
  }

  private func depth(_ step: MountStep) -> Int {
    step.target.raw.split(separator: UInt8(ascii: "/")).count
  }

  private func step(
    _ mount: Mount, _ service: Service, _ project: Project, _ previous: ContainerBlueprint?
  ) throws -> MountStep {
    switch mount.kind {
    case .volume(let key, let noCopy, let subpath):
      guard subpath == nil else {
        throw UnsupportedSetting(
          service: service, setting: "volume.subpath", hint: "mount the whole volume")
      }
      guard let key else {
        return try anonymous(
          target: mount.target, readOnly: mount.isReadOnly, noCopy: noCopy, previous)
      }
      let name = project.volume(key)?.name ?? key
      return .volume(
        name: name, source: Bytes(layout.volumeData(name).string), target: Bytes(mount.target),
        readOnly: mount.isReadOnly, fillFromImage: !noCopy)
    case .bind(let source, let createsSource, let propagation, _):
      return .bind(
        source: Bytes(source), target: Bytes(mount.target), readOnly: mount.isReadOnly,
        createSource: createsSource, propagation: propagation)
    case .tmpfs(let size, let mode):
      return .tmpfs(
        target: Bytes(mount.target), size: size.flatMap { UInt64(exactly: $0.bytes) }, mode: mode,
        options: mount.isReadOnly ? ["ro"] : [])
    case .image, .other:
      throw UnsupportedSetting(
        service: service, setting: "this kind of mount at `\(mount.target)`",
        hint: "berth mounts volumes, binds and tmpfs")
    }
  }

  private func anonymous(
    target: String, readOnly: Bool, noCopy: Bool, _ previous: ContainerBlueprint?
  ) throws -> MountStep {
    for step in previous?.mounts ?? [] {
      if case .volume(let name, let source, Bytes(target), _, _) = step, isAnonymous(name) {
        return .volume(
          name: name, source: source, target: Bytes(target), readOnly: readOnly,
          fillFromImage: !noCopy)
      }
    }
    let name = randomID()
    try volumes.create(
      name, labels: [Label.project: projectName, Label.anonymousVolume: ""], now: Self.now())
    return .volume(
      name: name, source: Bytes(layout.volumeData(name).string), target: Bytes(target),
      readOnly: readOnly, fillFromImage: !noCopy)
  }

  /// Anonymous volumes are named by 64 digits; a named one cannot be, its name has the project's.
  func isAnonymous(_ volume: String) -> Bool {
    volume.utf8.count == 64
      && volume.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
      }
  }

  /// `/path:size=64m,mode=1770`.
  private func tmpfs(_ entry: String, _ service: Service) throws -> MountStep {
    let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
    var size: UInt64?
    var mode: UInt32?
    var options: [String] = []
    for option in parts.dropFirst().first?.split(separator: ",").map(String.init) ?? [] {
      let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
      switch (pair[0], pair.dropFirst().first) {
      case ("size", let value?): size = byteSize(value)
      case ("mode", let value?): mode = UInt32(value, radix: 8)
      default: options.append(option)
      }
    }
    guard let target = parts.first, target.hasPrefix("/") else {
      throw UnsupportedSetting(
        service: service, setting: "tmpfs `\(entry)`", hint: "write an absolute path")
    }
    return .tmpfs(target: Bytes(target), size: size, mode: mode, options: options)
  }
}
