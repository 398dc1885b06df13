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
  /// The id of the container whose making made it: one that nobody named. It goes when that container
  /// is never finished.
  package var madeFor: String?

  package init(
    name: String, labels: [String: String], createdAt: Timestamp,
    driverOptions: [String: String] = [:], madeFor: String? = nil
  ) {
    self.madeFor = madeFor
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

  /// Makes the volume's folder and record; one that exists is left as it is. It is made aside and
  /// comes to its name whole: a kill leaves what `sweepUnfinished` takes away.
  /// - Parameter size: most bytes that its folder may hold.
  package func create(_ record: VolumeRecord, size: UInt64? = nil) throws {
    let name = record.name
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    if try readFile(layout.volume(name).appending(Self.recordName), limit: 1 << 20) != nil {
      return
    }
    try makeFolders(layout.volumes)
    try making {
      let folder = layout.volumes.appending(Self.unfinished + name)
      let data = layout.volume(name).appending("data")
      // A folder without a record is one of old, or lost it: its data is the volume's.
      let isThere = data.withPlatformString { access($0, F_OK) } == 0
      let place = isThere ? layout.volume(name) : folder
      do {
        try makeFolders(place)
        try makeFolders(place.appending("data"), mode: 0o755)
        if let size {
          try limitSize(of: [place.appending("data")], to: size, for: "volume `\(name)`")
        }
        try writeRecord(record, to: place.appending(Self.recordName), .durable)
        if !isThere { try rename(folder, to: layout.volume(name)) }
      } catch {
        // What could not be made is none; the first failure is the one to tell.
        if !isThere { try? removeTree(folder) }
        throw error
      }
    }
  }

  /// Takes away what killed commands had begun to make or to remove.
  package func sweepUnfinished() throws {
    let names = try namesInFolder(layout.volumes)
    for name in names where name.string.hasPrefix(Self.gone) {
      try removeTree(layout.volumes.appending(name))
    }
    guard names.contains(where: { $0.string.hasPrefix(Self.unfinished) }) else { return }
    try making {
      for name in try namesInFolder(layout.volumes) where name.string.hasPrefix(Self.unfinished) {
        try removeTree(layout.volumes.appending(name))
      }
    }
  }

  private static let recordName = "volume.json"
  // No volume's name begins with a dot.
  private static let unfinished = ".new-"
  private static let gone = ".gone-"

  /// One maker at a time: who holds this lock finds of unfinished ones only those of the dead.
  private func making(_ body: () throws -> Void) throws {
    let lock = try FileLock.wait(layout.volumes.appending(".lock"))
    try body()
    _ = consume lock
  }

  private func rename(_ source: FilePath, to target: FilePath) throws(SystemCallError) {
    try checking("rename", target.string) {
      source.withPlatformString { source in
        target.withPlatformString { Glibc.rename(source, $0) }
      }
    }
  }

  /// One volume's record; nil when there is none.
  package func record(_ name: String) throws -> VolumeRecord? {
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    return try readRecord(VolumeRecord.self, at: layout.volume(name).appending("volume.json"))
  }

  /// All volumes, by name.
  package func list() throws -> [VolumeRecord] {
    try namesInFolder(layout.volumes).map(\.string).filter(isVolumeName).sorted().compactMap {
      name in
      // A folder without a readable record holds data all the same: it is not shown, nor touched.
      try? readRecord(VolumeRecord.self, at: layout.volume(name).appending("volume.json"))
    }
  }

  /// Removes the volume with its data; what its driver mounts elsewhere stays. One that does not
  /// exist is no error. It loses its name first: a kill leaves what `sweepUnfinished` takes away.
  package func remove(_ name: String) throws {
    guard isVolumeName(name) else { throw VolumeError.invalidName(name) }
    releaseSizeLimit(of: layout.volumeData(name))
    try removeTree(layout.runningVolume(name))
    let aside = layout.volumes.appending(Self.gone + name)
    try removeTree(aside)
    do throws(SystemCallError) {
      try rename(layout.volume(name), to: aside)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return }
      throw error
    }
    try removeTree(aside)
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
