// The members of an archive of images, put into files of the session's folder before anything is believed
// about them. Nothing is named by what the archive says: links are noted, never made, and a name is only a
// key of a table.

import Archive
import CLinux
import Glibc
package import Linux
import OCI
package import SystemPackage

/// Where an archive comes from.
package enum ArchiveSource: Sendable {
  /// A tar stream, plain or compressed by gzip or zstd.
  case stream(SharedDescriptor)
  /// A folder that holds an OCI layout.
  case folder(FilePath)
}

/// One member as a file of ours.
struct StagedMember: Sendable {
  var file: FilePath
  var size: Int64
  var digest: Digest
}

/// Finds members by their path in the archive.
protocol StagedMembers {
  /// Nil when there is none; a fault when it is no plain file.
  mutating func member(_ path: String) throws -> StagedMember?
}

extension StagedMembers {
  /// A small document, whole.
  mutating func document(_ path: String, limit: Int) throws -> [UInt8]? {
    guard let member = try member(path) else { return nil }
    guard member.size <= Int64(limit) else {
      throw ImageArchiveFault.refused(path, reason: "it is larger than \(limit) bytes")
    }
    return try Descriptor.open(member.file, O_RDONLY | O_NOFOLLOW).readAll(limit: limit)
  }
}

/// Writes a file of ours while its digest is computed.
final class StagingFile {
  private let path: FilePath
  private let file: Descriptor
  private var hasher = SHA256()
  private(set) var size: Int64 = 0

  init(_ path: FilePath) throws {
    self.path = path
    file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
  }

  func write(_ bytes: [UInt8]) throws {
    hasher.update(bytes)
    size += Int64(bytes.count)
    try file.writeAll(bytes)
  }

  func finish() -> StagedMember {
    StagedMember(file: path, size: size, digest: hasher.finish())
  }
}

// MARK: - Tar

/// All members of a tar stream. An archive that could mean two things is refused.
struct TarMembers: StagedMembers, TarVisitor {
  private static let memberLimit = 65_536
  private static let documents: Set<String> = [
    "manifest.json", "index.json", "oci-layout", "repositories",
  ]

  private let folder: FilePath
  private var room: UInt64
  private let limit: UInt64
  private var members: [String: StagedMember] = [:]
  private var links: [String: String] = [:]
  private var current: (name: String, size: UInt64)?
  private var file: StagingFile?

  /// - Parameter limit: bytes that all members together may take.
  init(_ folder: FilePath, limit: UInt64) {
    self.folder = folder
    self.limit = limit
    room = limit
  }

  mutating func member(_ path: String) throws -> StagedMember? {
    if let member = members[path] { return member }
    guard links[path] == nil else {
      throw ImageArchiveFault.refused(path, reason: "it is a link, not the content itself")
    }
    return nil
  }

  /// As `member`; a link of the reference's old format to another member is followed in the table.
  mutating func legacyMember(_ path: String) throws -> StagedMember? {
    guard let target = links[path] else { return try member(path) }
    let base = path.split(separator: "/").dropLast().map(String.init)
    guard let resolved = Self.resolve(target, from: base) else {
      throw ImageArchiveFault.refused(path, reason: "it is a link out of the archive")
    }
    return try member(resolved)
  }

  private static func resolve(_ target: String, from base: [String]) -> String? {
    guard !target.hasPrefix("/") else { return nil }
    var parts = base
    for part in target.split(separator: "/") where part != "." {
      if part != ".." {
        parts.append(String(part))
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.joined(separator: "/")
  }

  mutating func begin(_ entry: TarEntry) throws {
    let name = try Self.name(entry.path)
    let shown = name.isEmpty ? "." : name
    func refusal(_ reason: String) -> ImageArchiveFault { .refused(shown, reason: reason) }
    if entry.kind == .directory { return }
    guard !name.isEmpty, members[name] == nil, links[name] == nil else {
      throw refusal("it is there twice")
    }
    guard members.count + links.count < Self.memberLimit else {
      throw refusal("there are more than \(Self.memberLimit) members before it")
    }
    switch entry.kind {
    case .file: break
    case .symbolicLink, .hardLink:
      links[name] = String(decoding: entry.target, as: UTF8.self)
      return
    case .directory, .characterDevice, .blockDevice, .fifo:
      throw refusal("it is neither a file nor a folder")
    }
    if Self.documents.contains(name), entry.size > UInt64(ImageLimits.manifestBytes) {
      throw refusal("it is larger than \(ImageLimits.manifestBytes) bytes")
    }
    guard entry.size <= room else { throw ImageArchiveFault.tooLarge(limit: limit) }
    room -= entry.size
    current = (name, entry.size)
    file = try StagingFile(folder.appending("member-\(members.count)"))
  }

  mutating func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    guard let current, let file else { return }
    guard offset == UInt64(file.size) else {
      throw ImageArchiveFault.refused(current.name, reason: "it has holes")
    }
    try file.write(Array(bytes))
  }

  mutating func end() throws {
    guard let current, let file else { return }
    guard UInt64(file.size) == current.size else {
      throw ImageArchiveFault.refused(current.name, reason: "it has holes")
    }
    members[current.name] = file.finish()
    self.current = nil
    self.file = nil
  }

  /// The path as a key: without `./` before it.
  private static func name(_ path: [UInt8]) throws -> String {
    guard let text = String(validating: path, as: UTF8.self), !path.contains(0) else {
      throw ImageArchiveFault.refused(
        String(decoding: path, as: UTF8.self), reason: "its name is no text")
    }
    let parts = text.split(separator: "/").filter { $0 != "." }
    guard !text.hasPrefix("/"), !parts.contains("..") else {
      throw ImageArchiveFault.refused(text, reason: "its path leads out of the archive")
    }
    return parts.joined(separator: "/")
  }
}

/// Reads a stream to its end, in chunks. Blocks.
func forEachChunk(of stream: SharedDescriptor, _ body: ([UInt8]) throws -> Void) throws {
  let input = Descriptor(
    owning: try checking("fcntl") { berth_fcntl(stream.raw, F_DUPFD_CLOEXEC, 3) })
  while true {
    let chunk = try input.read(upTo: 256 << 10)
    if chunk.isEmpty { return }
    try body(chunk)
  }
}

extension TarMembers {
  /// Takes a whole stream. Blocks.
  init(reading stream: SharedDescriptor, into folder: FilePath, limit: UInt64) throws {
    self.init(folder, limit: limit)
    var reader = TarReader()
    let decompressor = Decompressor()
    func read(_ chunk: [UInt8]) throws {
      try chunk.withUnsafeBytes { try reader.feed($0, to: &self) }
    }
    try forEachChunk(of: stream) { try decompressor.feed($0, read) }
    try decompressor.finish(read)
    try reader.finish(&self)
  }
}

// MARK: - Folder

/// A layout on the disk; what is asked for is copied, so that nobody changes it after it was checked.
struct FolderMembers: StagedMembers {
  private let source: SharedDescriptor
  private let folder: FilePath
  private var room: UInt64
  private let limit: UInt64
  private var members: [String: StagedMember] = [:]

  init(_ path: FilePath, into folder: FilePath, limit: UInt64) throws {
    source = SharedDescriptor(try Descriptor.open(path, O_RDONLY | O_DIRECTORY))
    self.folder = folder
    self.limit = limit
    room = limit
  }

  mutating func member(_ path: String) throws -> StagedMember? {
    if let known = members[path] { return known }
    guard let input = try open(path) else { return nil }
    let file = try StagingFile(folder.appending("member-\(members.count)"))
    while true {
      let chunk = try input.read(upTo: 256 << 10)
      if chunk.isEmpty { break }
      guard UInt64(chunk.count) <= room else { throw ImageArchiveFault.tooLarge(limit: limit) }
      room -= UInt64(chunk.count)
      try file.write(chunk)
    }
    let member = file.finish()
    members[path] = member
    return member
  }

  private func open(_ path: String) throws -> Descriptor? {
    guard let file = try found(path) else { return nil }
    var status = stat()
    try checking("fstat", path) { fstat(file.raw, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ImageArchiveFault.refused(path, reason: "it is not a plain file")
    }
    return file
  }

  private func found(_ path: String) throws -> Descriptor? {
    let flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW
    let resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    let directory = Descriptor(
      owning: try checking("fcntl") { berth_fcntl(source.raw, F_DUPFD_CLOEXEC, 3) })
    do throws(SystemCallError) {
      return try directory.resolve(FilePath(path), flags, resolve: Int32(resolve))
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return nil
      case .tooManySymbolicLinkLevels, .notDirectory:
        throw ImageArchiveFault.refused(path, reason: "it is reached through a link or a file")
      default: throw error
      }
    }
  }
}
