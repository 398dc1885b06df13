// A secret or a config as one container gets it: a file at a place of its choice.

import JSON

package struct GivenFile: Codable, Hashable, Sendable {
  package enum Kind: String, Codable, Sendable {
    case secret
    case config
  }

  package enum Source: Codable, Hashable, Sendable {
    /// A file or folder of the host.
    case host(path: Bytes)
    /// A file of the container's own folder, below `files`.
    case kept(name: String)
    /// The value of a variable, which is handed over at each start and stands nowhere.
    case handed(variable: String)
  }

  package var kind: Kind
  /// Its key in the compose file.
  package var name: String
  package var source: Source
  /// Absolute, inside the container.
  package var target: Bytes
  /// Nil together: as the source is, or root's and 0444 where there is no such source.
  package var uid: UInt32?
  package var gid: UInt32?
  package var mode: UInt32?

  package init(kind: Kind, name: String, source: Source, target: Bytes) {
    self.kind = kind
    self.name = name
    self.source = source
    self.target = target
  }

  /// Whether the container gets a copy that is made at its start, and not the host's file itself.
  package var isCopied: Bool {
    guard case .host = source else { return true }
    return uid != nil || gid != nil || mode != nil
  }

  /// `secret `token``, for messages.
  package var label: String { "\(kind.rawValue) `\(name)`" }
}

extension ContainerBlueprint {
  /// Those of the files whose values come with each start, in the order in which they come.
  package var handedFiles: [GivenFile] {
    files.filter { file in
      if case .handed = file.source { true } else { false }
    }
  }
}

extension GivenFile {
  init(_ record: RecordReader) throws(JSONError) {
    let kind = try record.string("kind")
    guard let known = Kind(rawValue: kind) else { throw record.mismatch("kind", "a known word") }
    let (name, content) = try record.record("source").onlyCase()
    let source: Source
    switch name {
    case "host": source = .host(path: try content.bytes("path"))
    case "kept": source = .kept(name: try content.string("name"))
    case "handed": source = .handed(variable: try content.string("variable"))
    default: throw record.mismatch("source", "a known case")
    }
    self.init(
      kind: known, name: try record.string("name"), source: source,
      target: try record.bytes("target"))
    uid = try Self.id("uid", record)
    gid = try Self.id("gid", record)
    mode = try Self.id("mode", record)
  }

  private static func id(_ name: String, _ record: RecordReader) throws(JSONError) -> UInt32? {
    guard let value = try record.optionalUnsigned(name) else { return nil }
    guard let id = UInt32(exactly: value) else { throw record.mismatch(name, "32 bits") }
    return id
  }
}
