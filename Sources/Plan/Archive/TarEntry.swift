// One member of a tar archive as a value, what can be wrong with an archive, and how much is allowed.

package import Diagnostics

/// Names and link targets are bytes as the archive has them: nothing is normalised or trusted.
package struct TarEntry: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case file
    case hardLink
    case symbolicLink
    case characterDevice
    case blockDevice
    case directory
    case fifo
  }

  package struct Attribute: Hashable, Sendable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  package var kind: Kind
  package var path: [UInt8]
  /// Where a link points; empty for other kinds.
  package var target: [UInt8] = []
  /// The low twelve bits: permissions, set-id bits, sticky.
  package var mode: UInt32 = 0o644
  package var uid: UInt32 = 0
  package var gid: UInt32 = 0
  /// The size of the file as a reader sees it; 0 for all but files.
  package var size: UInt64 = 0
  package var modified = TarTime()
  package var major: UInt32 = 0
  package var minor: UInt32 = 0
  package var attributes: [Attribute] = []

  package init(_ kind: Kind, path: [UInt8]) {
    self.kind = kind
    self.path = path
  }
}

package struct TarTime: Hashable, Sendable {
  package var seconds: Int64
  package var nanoseconds: Int32

  package init(seconds: Int64 = 0, nanoseconds: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
}

/// What may come out of one archive.
package struct ArchiveLimits: Sendable {
  package var entries: Int
  /// PAX and GNU long-name blocks, each.
  package var metadataBytes: Int
  package var nameBytes: Int
  package var sparseRegions: Int
  /// Extended attributes of one member: Linux lists 64 KiB of names.
  package var attributes: Int

  package init(
    entries: Int = 4_000_000, metadataBytes: Int = 1 << 20, nameBytes: Int = 4096,
    sparseRegions: Int = 65536, attributes: Int = 1024
  ) {
    self.entries = entries
    self.metadataBytes = metadataBytes
    self.nameBytes = nameBytes
    self.sparseRegions = sparseRegions
    self.attributes = attributes
  }
}

package enum ArchiveFault: Diagnosable, Hashable {
  /// `format` is `tar`, `gzip`, `zstd`, `bzip2` or `xz`.
  case corrupt(format: String, reason: String)
  case truncated(format: String)
  case tooMuch(String, limit: Int)
  /// Reading it would take more memory than it may.
  case demanding(format: String, limit: UInt64)
  case outOfMemory

  package var diagnostics: [Diagnostic] {
    switch self {
    case .corrupt(let format, let reason): [Diagnostic("invalid \(format) data: \(reason)")]
    case .truncated(let format): [Diagnostic("the \(format) data ends too early")]
    case .tooMuch(let what, let limit): [Diagnostic("more than \(limit) \(what) in one archive")]
    case .demanding(let format, let limit):
      [Diagnostic("the \(format) data asks for more than \(limit >> 20) MiB of memory")]
    case .outOfMemory: [Diagnostic("no memory for a decoder")]
    }
  }
}
