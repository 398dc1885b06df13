// `ADD` of what is elsewhere: fetched before the step that puts it into a layer, and then copied like
// files of this machine.

import Blueprint
import Compose
import Control
import Diagnostics
import Dockerfile
import Fetching
import Linux
import OCI
import SystemPackage

/// What was fetched, as a source of a copy.
struct RemoteCopy: Sendable {
  var source: LayerSource
  var pattern: String
  /// What goes into the key beside the contents.
  var fixed: [String]
}

extension StageRun {
  /// What each source of an `ADD` is; nil for those of this machine.
  func remoteReferences(_ copy: CopyInstruction, _ sources: [String]) async throws
    -> [RemoteReference?]
  {
    guard copy.isAdd else { return sources.map { _ in nil } }
    var references: [RemoteReference?] = []
    for (text, word) in zip(sources, copy.sources) {
      let reference = try await job.placing(at: word.span) {
        try RemoteReference(text, for: .add)
      }
      references.append(reference)
    }
    if let checksum = copy.checksum,
      references.contains(where: { $0 == nil }) || references.count > 1
    {
      throw job.source.fault(
        "`--checksum` needs one source, and one that is fetched", at: checksum.span)
    }
    return references
  }

  /// Fetches one source of an `ADD`.
  func fetch(
    _ reference: RemoteReference, _ copy: CopyInstruction, at span: SourceSpan,
    checksum: String?, isFolder: Bool
  ) async throws -> RemoteCopy {
    try await job.placing(at: span) {
      switch reference {
      case .file(let file):
        guard file.name != nil || !isFolder else {
          throw job.source.fault(
            "`\(file.shown)` does not say what the file is called", at: span,
            hint: "name it in the destination, without a `/` at its end")
        }
        return try await fetch(file, copy, checksum)
      case .repository(var git):
        if let checksum { git.commit = try git.narrowed(to: checksum) }
        if copy.keepsGitFolder { git.keepsGitFolder = true }
        let folder = try await builder.folder(git, job.remoteNeed())
        return RemoteCopy(
          source: .folder(
            path: Bytes(folder.string), ignored: [],
            digests: Bytes(job.digestFile(of: folder).string)), pattern: ".", fixed: [])
      }
    }
  }

  private func fetch(_ file: FileReference, _ copy: CopyInstruction, _ checksum: String?)
    async throws -> RemoteCopy
  {
    let digest = try checksum.map { try fileDigest($0) }
    let name = file.name ?? "download"
    let fetched = try await builder.file(file, named: name, digest: digest, job.remoteNeed())
    return RemoteCopy(
      source: .folder(
        path: Bytes(fetched.path.removingLastComponent().string), ignored: [], digests: nil),
      pattern: literalPattern(name), fixed: ["\(fetched.modified)"])
  }
}

/// What `--checksum` says of a file.
private func fileDigest(_ checksum: String) throws -> Digest {
  guard let digest = Digest(checksum) else {
    throw Faults([
      Diagnostic("`\(checksum)` is no checksum of a file", hint: "write `sha256:` and 64 digits")
    ])
  }
  return digest
}

extension CopyInstruction {
  /// Whether a checksum can be one of these sources.
  func check(_ checksum: String, of sources: [String]) throws {
    guard sources.count == 1, let reference = try RemoteReference(sources[0], for: .add) else {
      throw Faults([Diagnostic("`--checksum` needs one source, and one that is fetched")])
    }
    switch reference {
    case .file: _ = try fileDigest(checksum)
    case .repository(let git): _ = try git.narrowed(to: checksum)
    }
  }
}

/// A pattern that means this name alone.
private func literalPattern(_ name: String) -> String {
  name.map { "*?[\\".contains($0) ? "\\\($0)" : String($0) }.joined()
}

extension GitReference {
  /// What the commit must begin with, said twice perhaps.
  fileprivate func narrowed(to checksum: String) throws -> String {
    let isHex = checksum.utf8.allSatisfy { byte in "0123456789abcdefABCDEF".utf8.contains(byte) }
    guard isHex, (7...64).contains(checksum.utf8.count), commit == nil || commit == checksum else {
      throw Faults([
        Diagnostic(
          "`\(checksum)` is not the commit that `\(shown)` can have",
          hint: "write the commit's id, 40 digits")
      ])
    }
    return checksum
  }
}

extension BuildJob {
  func remoteNeed() async throws -> RemoteNeed {
    let access = try await blocking {
      try self.builder.session.gitAccess(self.definition, self.ssh)
    }
    return RemoteNeed(label: label, access: access)
  }

  /// Lets what goes wrong point into the Dockerfile.
  func placing<Value>(at span: SourceSpan, _ work: () async throws -> Value) async throws -> Value {
    do {
      return try await work()
    } catch let faults as Faults {
      throw faults.placed(at: span, in: source)
    } catch let failure as any Diagnosable {
      throw Faults(failure.diagnostics).placed(at: span, in: source)
    }
  }

  /// The files that a named context is; nil where it is an image, or no context.
  func source(ofContext name: String, at span: SourceSpan) async throws -> LayerSource? {
    switch definition.additionalContexts.last(where: { $0.name == name })?.context {
    case .folder(let path): return try source(ofFolder: FilePath(path), .host)
    case .address(let address):
      return try await placing(at: span) {
        try source(
          ofFolder: try await builder.context(address, try await contextNeed()), .elsewhere)
      }
    default: return nil
    }
  }

  private func contextNeed() async throws -> RemoteNeed {
    var need = try await remoteNeed()
    need.keepsGitFolder = arguments.keepsGitFolder
    return need
  }
}

extension BuildArguments {
  /// Whether contexts of git have their `.git`.
  var keepsGitFolder: Bool {
    ["1", "t", "true"].contains(value(of: "BUILDKIT_CONTEXT_KEEP_GIT_DIR")?.lowercased() ?? "")
  }
}
