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
  /// - Parameters:
  ///   - id: the container's.
  ///   - previous: the container that this one replaces: its anonymous volumes are kept.
  func mounts(
    of base: ServiceBase, id: String, project: Project, previous: ContainerBlueprint?
  ) throws -> [MountStep] {
    var steps: [MountStep] = []
    for source in base.service.volumesFrom {
      steps = overlaid(steps, by: try mounts(from: source, for: base.service))
    }
    var own: [MountStep] = []
    for mount in base.service.mounts {
      own.append(try step(mount, base, id, project, previous))
    }
    for entry in base.service.tmpfs { own.append(try tmpfs(entry, base.service)) }
    steps = overlaid(steps, by: own)
    // Volumes of the image, where nothing else is mounted.
    let taken = Set(steps.map { FilePath($0.target.text).lexicallyNormalized() })
    for target in base.image.config.volumes
    where !taken.contains(FilePath(target).lexicallyNormalized()) {
      steps.append(try anonymous(Mount(volumeAt: target), noCopy: false, id, previous))
    }
    return steps.enumerated().sorted { left, right in
      let depths = (depth(left.element), depth(right.element))
      return depths.0 == depths.1 ? left.offset < right.offset : depths.0 < depths.1
    }.map(\.element)
  }

  private func depth(_ step: MountStep) -> Int {
    step.target.raw.split(separator: UInt8(ascii: "/")).count
  }

  /// What was there, but for targets that are taken again.
  private func overlaid(_ steps: [MountStep], by others: [MountStep]) -> [MountStep] {
    let targets = Set(others.map(\.target))
    return steps.filter { !targets.contains($0.target) } + others
  }

  private func step(
    _ mount: Mount, _ base: ServiceBase, _ id: String, _ project: Project,
    _ previous: ContainerBlueprint?
  ) throws -> MountStep {
    let target = Bytes(mount.target)
    switch mount.kind {
    case .volume(nil, let noCopy, let subpath):
      guard subpath == nil else {
        throw UnsupportedSetting(
          service: base.service, setting: "the subpath of a new volume at `\(mount.target)`",
          hint: "name a volume with `source`")
      }
      return try anonymous(mount, noCopy: noCopy, id, previous)
    case .volume(let key?, let noCopy, let subpath):
      return try volume(
        project.volume(key)?.name ?? key, mount, fills: !noCopy, subpath, base.service)
    case .bind(let source, let createsSource, let propagation, let recursive):
      return .bind(
        source: Bytes(source), target: target, readOnly: mount.isReadOnly,
        createSource: createsSource, propagation: propagation,
        recursion: recursive.flatMap(BindRecursion.init),
        owner: mount.mapsOwner ? ownerOfBinds : nil)
    case .tmpfs(let size, let mode):
      return .tmpfs(
        target: target, size: size.flatMap { UInt64(exactly: $0.bytes) }, mode: mode,
        options: mount.isReadOnly ? ["ro"] : [])
    case .image(let name, let subpath):
      guard let image = base.mountedImages[name] else {
        throw Faults([Diagnostic("image `\(name)` is not here", span: mount.span)])
      }
      return .image(
        id: "\(image.id)", layers: image.layers.map { Bytes($0.string) }, target: target,
        subpath: subpath.map { Bytes($0) })
    case .other:
      throw UnsupportedSetting(
        service: base.service, setting: "this kind of mount at `\(mount.target)`",
        hint: "berth mounts volumes, binds, images and tmpfs")
    }
  }

  private func anonymous(
    _ mount: Mount, noCopy: Bool, _ id: String, _ previous: ContainerBlueprint?
  ) throws -> MountStep {
    let target = Bytes(mount.target)
    for step in previous?.mounts ?? [] where step.target == target {
      if case .volume(let name, let source, _, _, _, _, _) = step, isAnonymous(name) {
        return .volume(
          name: name, source: source, target: target, readOnly: mount.isReadOnly,
          fillFromImage: !noCopy)
      }
    }
    let name = randomID()
    var labels: [String: String] = [:]
    for label in mount.volumeLabels { labels[label.key] = label.value }
    labels[Label.project] = projectName
    labels[Label.anonymousVolume] = ""
    try volumes.create(
      VolumeRecord(name: name, labels: labels, createdAt: Self.now(), madeFor: id))
    return .volume(
      name: name, source: Bytes(layout.volumeData(name).string), target: target,
      readOnly: mount.isReadOnly, fillFromImage: !noCopy)
  }

  /// `/path:size=64m,mode=1770`.
  private func tmpfs(_ entry: String, _ service: Service) throws -> MountStep {
    let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
    var size: UInt64?
    var mode: UInt32?
    var options: [String] = []
    for option in parts.dropFirst().first?.split(separator: ",").map(String.init) ?? [] {
      let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
      let value = pair.dropFirst().first
      guard
        pair.count == 2 ? Self.tmpfsSettings.contains(pair[0]) : Self.mountFlags.contains(option)
      else {
        throw UnsupportedSetting(
          service: service, setting: "tmpfs option `\(option)`",
          hint: "a tmpfs has \((Self.mountFlags + Self.tmpfsSettings).joined(separator: ", "))")
      }
      switch pair[0] {
      // What is no number of bytes is a share of the memory: `50%`.
      case "size" where value.flatMap(byteSize) != nil: size = value.flatMap(byteSize)
      case "mode" where value.flatMap({ UInt32($0, radix: 8) }) != nil:
        mode = value.flatMap { UInt32($0, radix: 8) }
      default: options.append(option)
      }
    }
    guard let target = parts.first, target.hasPrefix("/") else {
      throw UnsupportedSetting(
        service: service, setting: "tmpfs `\(entry)`", hint: "write an absolute path")
    }
    return .tmpfs(target: Bytes(target), size: size, mode: mode, options: options)
  }

  private static let mountFlags = [
    "ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "atime", "noatime", "diratime",
    "nodiratime", "relatime", "strictatime",
  ]
  private static let tmpfsSettings = [
    "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol",
  ]
}

/// Anonymous volumes are named by 64 digits; a named one cannot be, its name has the project's.
func isAnonymous(_ volume: String) -> Bool {
  volume.utf8.count == 64
    && volume.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}
