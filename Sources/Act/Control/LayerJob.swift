// What `berth-unpack layer` is asked to do: one layer of an image made by copying. Written by the builder as
// JSON to its standard input.

package import Blueprint
package import Diagnostics

package struct LayerJob: Codable, Hashable, Sendable {
  package enum Action: String, Codable, Sendable {
    /// Says what would be copied, by a digest. Changes nothing.
    case digest
    /// Says what is not there. Changes nothing.
    case find
    /// Copies; then the new layer goes to standard output as a plain tar stream.
    case apply
  }

  package var action: Action
  /// Unpacked layers of the root that is copied into, bottom first. May be empty.
  package var lowers: [Bytes]
  /// Folders on one file system that exist and are empty: what is copied is then in the first.
  package var upper: Bytes
  package var work: Bytes
  package var steps: [LayerStep]
  /// Seconds since 1970 that no file is later than (SOURCE_DATE_EPOCH).
  package var latest: Int64?

  package init(action: Action, lowers: [Bytes], upper: Bytes, work: Bytes, steps: [LayerStep]) {
    self.action = action
    self.lowers = lowers
    self.upper = upper
    self.work = work
    self.steps = steps
  }
}

package enum LayerStep: Codable, Hashable, Sendable {
  /// Makes a folder and its parents where they lack. `user` is `user[:group]`, looked up in the root.
  case folder(path: Bytes, user: String)
  case copy(LayerCopy)
}

package struct LayerCopy: Codable, Hashable, Sendable {
  package enum Unpacking: String, Codable, Sendable {
    case never
    /// What is recognised as an archive.
    case archives
    /// Everything; what is no archive is an error.
    case always
  }

  package var source: LayerSource
  /// Paths below the source's root, as they were written, with wildcards. The names of given files have none.
  package var patterns: [Bytes]
  /// Absolute; a slash at its end is kept.
  package var target: Bytes
  /// `user[:group]` or numbers; nil is 0:0, and for layers that of the source.
  package var owner: String?
  /// Octal or symbolic; nil keeps that of the source.
  package var mode: String?
  /// The layer does not look at what it is put on: no links of the root are followed.
  package var isLink = false
  package var keepsParents = false
  /// One of several sources that were written: they need a folder to go into.
  package var isOfSeveral = false
  package var excludes: [Bytes] = []
  package var unpacks = Unpacking.never

  package init(source: LayerSource, patterns: [Bytes], target: Bytes) {
    self.source = source
    self.patterns = patterns
    self.target = target
  }
}

package enum LayerSource: Codable, Hashable, Sendable {
  /// A folder of the host. `ignored` are the lines of its ignore file. `digests` is a file in which
  /// digests of contents are kept from one time to the next; nil keeps none.
  case folder(path: Bytes, ignored: [Bytes], digests: Bytes?)
  /// The root of an image or stage: unpacked layers, bottom first.
  case layers([Bytes])
  /// Files that have no place of their own.
  case files([LayerFile])
}

package struct LayerFile: Codable, Hashable, Sendable {
  package var name: Bytes
  package var content: Bytes
  /// Permission bits.
  package var mode: UInt32
  /// Seconds since 1970.
  package var modified: Int64

  package init(name: Bytes, content: Bytes, mode: UInt32, modified: Int64) {
    self.name = name
    self.content = content
    self.mode = mode
    self.modified = modified
  }
}

/// What `berth-unpack layer` says on its standard output after a `digest`.
package struct LayerDigest: Codable, Hashable, Sendable {
  /// `sha256:…`, of paths, kinds, modes, owners and contents of all that is selected; not of times.
  package var digest: String
  package var files: Int
  /// Of contents.
  package var bytes: UInt64

  package init(digest: String, files: Int, bytes: UInt64) {
    self.digest = digest
    self.files = files
    self.bytes = bytes
  }
}

/// What it says on its standard error, in one line, when it fails.
package struct LayerFailure: Codable, Hashable, Sendable, Diagnosable {
  package var summary: String
  package var hint: String?
  /// The index of the pattern that was at fault.
  package var pattern: Int?
  /// The index of the step that was at fault, where the job was to find.
  package var step: Int?
  /// The path that is not there, where that is the fault. Where it was looked for, the builder knows.
  package var missing: String?
  /// The destination is at fault, no pattern.
  package var isOfTarget = false

  package init(_ summary: String, hint: String? = nil, pattern: Int? = nil) {
    self.summary = summary
    self.hint = hint
    self.pattern = pattern
  }

  /// What is wrong with the place that is copied to.
  package init(ofTarget summary: String, hint: String? = nil) {
    self.init(summary, hint: hint)
    isOfTarget = true
  }

  package var diagnostics: [Diagnostic] { [Diagnostic(summary, hint: hint)] }
}
