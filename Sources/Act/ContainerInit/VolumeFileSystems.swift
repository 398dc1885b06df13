// Volumes that are file systems of their own: mounted by descriptor, seen by nobody but the
// containers that they are attached in.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

extension MountStep {
  /// What tells the trees of one volume at several targets apart.
  var treeName: String { "\(volumeName ?? "")\0\(target.text)" }
}

/// Mounts what is neither a bind nor memory. By the shim, before there is a container: it is still
/// on the host's network, where servers are, and no rule keeps it from the host's devices.
func mountVolumes(_ steps: [MountStep]) throws(LaunchFailure) -> [String: SharedDescriptor] {
  var trees: [String: SharedDescriptor] = [:]
  for mount in steps {
    guard case .volume(_, _, _, _, _, _, let driver?) = mount, !driver.isBind, !driver.isMemory
    else { continue }
    trees[mount.treeName] = try driver.makeTree(mount.label)
  }
  return trees
}

extension VolumeDriver {
  /// Flags of the mount among the options.
  var flags: DetachedMount.Flags {
    var flags: DetachedMount.Flags = []
    for option in options { _ = flags.apply(option) }
    return flags
  }

  /// A new mount that is attached nowhere; a read-only file system is one, its mount is not yet.
  func makeTree(_ label: String) throws(LaunchFailure) -> SharedDescriptor {
    let raw = berth_fsopen(type, UInt32(FSOPEN_CLOEXEC))
    if raw < 0 {
      let reason = Errno.current
      throw LaunchFailure(
        stage: label, errno: reason,
        message: reason == Errno(rawValue: ENODEV)
          ? "this kernel has no file system `\(type)`" : "fsopen `\(type)`: \(reason.text)")
    }
    let context = Descriptor(owning: CInt(raw))
    try configure(context, label)
    let mount = berth_fsmount(context.raw, UInt32(FSMOUNT_CLOEXEC), 0)
    if mount < 0 { throw failure(.current, context, label) }
    return SharedDescriptor(Descriptor(owning: CInt(mount)))
  }

  private func configure(_ context: borrowing Descriptor, _ label: String) throws(LaunchFailure) {
    if device.path.withPlatformString({
      berth_fsconfig(context.raw, FSCONFIG_SET_STRING.rawValue, "source", $0, 0)
    }) < 0 {
      throw failure(.current, context, label)
    }
    for option in options {
      var flags: DetachedMount.Flags = []
      // Only `ro` is the file system's as well: a device that cannot be written needs it.
      if flags.apply(option), option != "ro" { continue }
      let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
      let answer =
        parts.count == 2
        ? berth_fsconfig(context.raw, FSCONFIG_SET_STRING.rawValue, parts[0], parts[1], 0)
        : berth_fsconfig(context.raw, FSCONFIG_SET_FLAG.rawValue, option, nil, 0)
      if answer < 0 {
        let reason = Errno.current
        throw failure(reason, context, label, option: parts.first ?? option)
      }
    }
    if berth_fsconfig(context.raw, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0) < 0 {
      throw failure(.current, context, label)
    }
  }

  /// Names an option without its value, which may be a password.
  private func failure(
    _ reason: Errno, _ context: borrowing Descriptor, _ label: String, option: String? = nil
  ) -> LaunchFailure {
    let subject = option.map { "option `\($0)` of \(type)" } ?? "`\(device.text)` as \(type)"
    let words = kernelWords(context)
    return LaunchFailure(
      stage: label, errno: reason,
      message: "\(subject): \(reason.text)" + (words.isEmpty ? "" : " (\(words))"))
  }

  /// What the kernel has to say about the failure, without the mark of its kind: `e `.
  private func kernelWords(_ context: borrowing Descriptor) -> String {
    var lines: [String] = []
    var buffer = [UInt8](repeating: 0, count: 1024)
    let mostLines = 8
    while lines.count < mostLines {
      let count = read(context.raw, &buffer, buffer.count)
      guard count > 2 else { break }
      let text = buffer[2..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
      lines.append(String(decoding: text, as: UTF8.self))
    }
    return lines.joined(separator: "; ")
  }
}
