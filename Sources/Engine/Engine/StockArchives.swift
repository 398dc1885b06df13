// Images out to a file and in from one.

import CLinux
package import Diagnostics
import Glibc
import Host
import Images
package import Linux
import OCI
import Store
import SystemPackage

package enum StockFileFault: Diagnosable, Hashable {
  case unusable(String, action: String, reason: String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .unusable(let path, let action, let reason):
      [Diagnostic("cannot \(action) `\(path)`", causes: [reason])]
    }
  }
}

extension Stock {
  /// Writes images to a descriptor.
  package func save(_ names: [String], to output: SharedDescriptor) async throws {
    try await blocking {
      let lease = try self.images.lease()
      defer { lease.end() }
      let chosen = try self.images.select(names, keepingBy: lease)
      let descriptor = Descriptor(
        owning: try checking("fcntl") { berth_fcntl(output.raw, F_DUPFD_CLOEXEC, 3) })
      try self.images.save(chosen, to: descriptor)
    }
  }

  /// Writes images to a file that is there whole or not at all.
  package func save(_ names: [String], toFile path: String, in folder: String) async throws {
    try await blocking {
      let lease = try self.images.lease()
      defer { lease.end() }
      let chosen = try self.images.select(names, keepingBy: lease)
      let target = FilePath(folder).pushing(FilePath(path))
      let aside = FilePath("\(target).\(UInt64.random(in: 0...UInt64.max)).new")
      do {
        try self.write(chosen, to: target, aside: aside)
      } catch let error as SystemCallError {
        throw StockFileFault.unusable(path, action: "write", reason: error.errno.text)
      }
    }
  }

  private func write(_ images: [SavedImage], to target: FilePath, aside: FilePath) throws {
    let file = try Descriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    do {
      try self.images.save(images, to: file)
      try checking("fsync", aside.string) { fsync(file.raw) }
      try checking("rename", target.string) {
        aside.withPlatformString { from in target.withPlatformString { rename(from, $0) } }
      }
    } catch {
      // The first failure is the one to tell.
      try? removeFile(aside)
      throw error
    }
  }
}

// MARK: - In

/// One image that came in: its names, or its id where it has none.
package struct StockArrival: Sendable, Hashable {
  package var id: String
  package var names: [String]
}

extension Stock {
  private var loader: ImageLoader { ImageLoader(images, unpacker: host.unpacker) }

  /// Brings in the images of a file, of a folder with an OCI layout, or of what `input` gives.
  /// - Parameter platform: as typed; nil is this machine's.
  package func load(
    file path: String?, in folder: String, input: SharedDescriptor?, platform: String?,
    told: @escaping @Sendable (ProgressEvent) -> Void
  ) async throws -> [StockArrival] {
    let platform = try platform.map { try Platform(parsing: $0) }
    let source = try source(path, in: folder, input)
    let images = try await loader.load(source, platform: platform, usedBy: imageUsers) { layer in
      told(ProgressEvent(String(layer.hex.prefix(12)), "Loaded", .done, parent: path ?? "-"))
    }
    return images.map { StockArrival(id: "\($0.id)", names: $0.tags.map(\.familiar)) }
  }

  private func source(_ path: String?, in folder: String, _ input: SharedDescriptor?) throws
    -> ArchiveSource
  {
    guard let path else {
      guard let input else {
        throw Faults([
          Diagnostic(
            "there is nothing to load: standard input is a terminal",
            hint: "name a file with -i, or pipe one in")
        ])
      }
      return .stream(input)
    }
    let full = FilePath(folder).pushing(FilePath(path))
    var status = stat()
    if full.withPlatformString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return .folder(full)
    }
    return .stream(try open(full, as: path))
  }

  private func open(_ path: FilePath, as name: String) throws -> SharedDescriptor {
    do throws(SystemCallError) {
      return SharedDescriptor(try Descriptor.open(path, O_RDONLY))
    } catch {
      throw StockFileFault.unusable(name, action: "read", reason: error.errno.text)
    }
  }

  /// Makes an image of one layer from a root file system; its id.
  /// - Parameters:
  ///   - path: `-` is `input`.
  ///   - stamp: the time as images tell it.
  package func importImage(_ request: ImportRequest, input: SharedDescriptor?, stamp: String)
    async throws -> String
  {
    let platform = try request.platform.map { try Platform(parsing: $0) } ?? .host
    let tag = try request.name.map { try ImageReference(parsing: $0) }
    if let tag, tag.digest != nil {
      throw Faults([
        Diagnostic("`\(tag.familiar)` has a digest", hint: "write REPOSITORY[:TAG]")
      ])
    }
    var config = ImageChanges()
    for change in request.changes { try config.apply(change) }
    let stream: SharedDescriptor
    if request.path == "-" {
      guard let input else {
        throw Faults([
          Diagnostic(
            "there is nothing to import: standard input is a terminal", hint: "pipe a tar in")
        ])
      }
      stream = input
    } else {
      let path = FilePath(request.folder).pushing(FilePath(request.path))
      stream = try open(path, as: request.path)
    }
    let settings = ImportSettings(
      platform: platform, created: stamp,
      comment: request.message ?? "Imported from \(request.path)", config: config.json, tag: tag)
    return "\(try await loader.importLayer(stream, settings, usedBy: imageUsers))"
  }
}

package struct ImportRequest: Sendable {
  package var path: String
  package var folder: String
  package var name: String?
  package var changes: [String] = []
  package var message: String?
  package var platform: String?

  package init(path: String, folder: String, name: String?) {
    self.path = path
    self.folder = folder
    self.name = name
  }
}
