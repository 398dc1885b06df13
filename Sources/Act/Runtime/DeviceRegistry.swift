// The descriptions of devices on this machine, looked up by name.

import CLinux
package import Diagnostics
import Glibc
import Linux
import SystemPackage

/// A device that no file describes.
package struct UnknownDevice: Diagnosable, Hashable {
  package var name: String
  package var known: [String]
  package var span: SourceSpan?

  package var diagnostics: [Diagnostic] {
    let near = nearest(to: name, among: known).map { "did you mean `\($0)`?" }
    return [
      Diagnostic(
        "unresolvable CDI device `\(name)`", span: span,
        hint: near
          ?? "devices are described below /etc/cdi and /var/run/cdi; those of files there: "
          + (known.isEmpty ? "none" : known.prefix(8).map { "`\($0)`" }.joined(separator: ", ")))
    ]
  }
}

/// All files at the time of reading.
package struct DeviceRegistry: Sendable {
  /// What is in a later folder goes before what is in an earlier one.
  package static let folders = ["/etc/cdi", "/var/run/cdi"]
  private static let mostFiles = 1_000

  private let files: [(file: DeviceFile, rank: Int)]
  /// Of files that cannot be used: told when a device is not found in the others.
  private let failures: [DeviceInterfaceError]

  /// Reads every file of the folders. Blocks.
  package init(folders: [String] = DeviceRegistry.folders) {
    var files: [(DeviceFile, Int)] = []
    var failures: [DeviceInterfaceError] = []
    for (rank, folder) in folders.enumerated() {
      // A folder that cannot be listed describes nothing.
      let names = ((try? namesInFolder(FilePath(folder))) ?? []).map(\.string).sorted()
      for name in names.prefix(Self.mostFiles)
      where [".json", ".yaml", ".yml"].contains(where: name.hasSuffix) {
        let path = folder + "/" + name
        do throws(DeviceInterfaceError) {
          files.append((try Self.read(path), rank))
        } catch {
          failures.append(error)
        }
      }
    }
    self.files = files
    self.failures = failures
  }

  private static func read(_ path: String) throws(DeviceInterfaceError) -> DeviceFile {
    let bytes: [UInt8]
    do throws(SystemCallError) {
      let file = try Descriptor.open(FilePath(path), O_RDONLY | O_NONBLOCK | O_NOCTTY)
      bytes = try file.readAll(limit: DeviceFile.mostBytes)
    } catch {
      throw DeviceInterfaceError(file: path, place: "", reason: error.errno.text)
    }
    return try DeviceFile(bytes, path: path)
  }

  /// The names of all devices of `kind`.
  package func names(of kind: String) -> [String] {
    files.filter { $0.file.kind == kind }.flatMap { $0.file.devices.map(\.name) }
  }

  package func has(_ kind: String) -> Bool { files.contains { $0.file.kind == kind } }

  /// What a container gets with the devices of these names (`vendor/class=name`).
  package func edits(for names: [String], span: SourceSpan?) throws -> DeviceEdits {
    var edits = DeviceEdits()
    var seen: Set<String> = []
    for name in names {
      let (file, device) = try find(name, span)
      if seen.insert(file.path).inserted { edits.append(file.edits) }
      edits.append(device.edits)
      guard let wish = edits.unsupported else { continue }
      throw DeviceInterfaceError(
        file: file.path, place: name, reason: "it wants \(wish), which berth does not have")
    }
    return edits
  }

  private func find(_ name: String, _ span: SourceSpan?) throws -> (DeviceFile, DeviceFile.Device) {
    let sides = name.split(separator: "=", maxSplits: 1).map(String.init)
    var found: [(file: DeviceFile, device: DeviceFile.Device, rank: Int)] = []
    for (file, rank) in files where file.kind == sides.first {
      for device in file.devices where device.name == sides.last {
        found.append((file, device, rank))
      }
    }
    guard let best = found.map(\.rank).max() else {
      if let failure = failures.first { throw failure }
      let known = files.flatMap { entry in
        entry.file.devices.map { "\(entry.file.kind)=\($0.name)" }
      }
      throw UnknownDevice(name: name, known: known, span: span)
    }
    let first = found.filter { $0.rank == best }
    guard first.count == 1, let only = first.first else {
      throw DeviceInterfaceError(
        file: first.map(\.file.path).joined(separator: "`, `"), place: name,
        reason: "it is described twice")
    }
    return (only.file, only.device)
  }
}
