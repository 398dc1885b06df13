// Volumes: a folder of data with a record beside it.

package import Blueprint
package import Diagnostics
import Glibc
import Linux
import SystemPackage

package struct VolumeRecord: Codable, Hashable, Sendable {
  package var version = 1
  package var name: String
  package var labels: [String: String]
  package var createdAt: Timestamp
  /// What the driver was told; nil is nothing.
  package var driverOptions: [String: String]?

  package init(
    name: String, labels: [String: String], createdAt: Timestamp,
    driverOptions: [String: String] = [:]
  ) {
    self.name = name
    self.labels = labels
    self.createdAt = createdAt
    self.driverOptions = driverOptions.isEmpty ? nil : driverOptions
  }

  /// The file system that it is; nil when it is a folder of the store.
  package var driver: VolumeDriver? {
    guard let options = driverOptions, options["type"] != nil || options["o"] != nil else {
      return nil
    }
    return VolumeDriver(
      type: options["type"] ?? "", device: Bytes(options["device"] ?? options["type"] ?? ""),
      options: (options["o"] ?? "").split(separator: ",").map(String.init))
  }
}

package enum VolumeError: Diagnosable, Hashable {
  case invalidName(String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .invalidName(let name):
      [
        Diagnostic(
          "`\(name)` is not a name for a volume",
          hint: "use letters, digits, `_`, `.` and `-`, and begin with a letter or digit")
      ]
    }
  }
}

package struct VolumeStore: Sendable {
  package let layout: Layout

  package init(layout: Layout) { self.layout = layout }

  /// Makes the volume's folder and record; one that exists is left as it is. The record comes last:
  /// a folder without one was never finished and is finished by the next call.
  /// - Parameter size: most bytes that its folder may hold.
  package func create(
    _ name: String, labels: [String: String], driverOptions: [String: String] = [:],
    size: UInt64? = nil, now: Timestamp
  ) throws {
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    let record = layout.volume(name).appending("volume.json")
    if try readFile(record, limit: 1 << 20) != nil { return }
    try makeFolders(layout.volume(name))
    try makeFolders(layout.volumeData(name), mode: 0o755)
    if let size { try limit(name, to: size) }
    try writeRecord(
      VolumeRecord(name: name, labels: labels, createdAt: now, driverOptions: driverOptions),
      to: record, .durable)
  }

  /// A volume that cannot be limited is none: its folders go again, unless something is in them.
  private func limit(_ name: String, to size: UInt64) throws {
    do {
      try limitSize(of: [layout.volumeData(name)], to: size, for: "volume `\(name)`")
    } catch {
      for folder in [layout.volumeData(name), layout.volume(name)] {
        _ = folder.withPlatformString { rmdir($0) }
      }
      throw error
    }
  }

  /// One volume's record; nil when there is none.
  package func record(_ name: String) throws -> VolumeRecord? {
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    return try readRecord(VolumeRecord.self, at: layout.volume(name).appending("volume.json"))
  }

  /// All volumes, by name.
  package func list() throws -> [VolumeRecord] {
    try namesInFolder(layout.volumes).map(\.string).sorted().compactMap { name in
      // A folder without a readable record holds data all the same: it is not shown, nor touched.
      try? readRecord(VolumeRecord.self, at: layout.volume(name).appending("volume.json"))
    }
  }

  /// Removes the volume with its data; what its driver mounts elsewhere stays. One that does not
  /// exist is no error.
  package func remove(_ name: String) throws {
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    releaseSizeLimit(of: layout.volumeData(name))
    try removeTree(layout.runningVolume(name))
    try removeTree(layout.volume(name))
  }
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, by bytes.
private func isVolumeName(_ name: String) -> Bool {
  func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
  guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 255 else {
    return false
  }
  return name.utf8.allSatisfy { isAlphanumeric($0) || [0x5F, 0x2E, 0x2D].contains($0) }
}
