// What a build takes from elsewhere, each once in a command: files of servers, commits of repositories, and
// contexts made of either.

import Blueprint
import CLinux
import Compose
import Control
import Diagnostics
import Dockerfile
import Fetching
import Glibc
import Images
import Linux
import OCI
import Registry
import Store
import Synchronization
import SystemPackage

/// What was fetched so far by one command.
final class RemoteSources: Sendable {
  /// Steps of places of `cache_from`; none of those that could not be read.
  let caches = Memo<String, [Digest: ForeignStep]>()
  fileprivate let files = Memo<String, FetchedFile>()
  fileprivate let trees = Memo<String, CheckedOut>()
  fileprivate let unpacked = Memo<String, FilePath>()
  private let known = Mutex<Downloader?>(nil)

  /// Made when it is needed first: settings are read. Blocks.
  fileprivate func downloader(_ session: Session) throws -> Downloader {
    try known.withLock { known in
      if let known { return known }
      let made = try Downloader(environment: session.request.environment)
      known = made
      return made
    }
  }
}

/// For whom something is fetched, and with what.
struct RemoteNeed: Sendable {
  /// `web `, or nothing, before the names of steps.
  var label: String
  var access: GitAccess
  var keepsGitFolder = false
}

extension Builder {
  private func fetching<Value: Sendable>(
    _ shown: String, _ need: RemoteNeed,
    _ work: (BuildReporter) async throws -> (value: Value, isCached: Bool)
  ) async throws -> Value {
    try await step("[\(need.label)internal] fetching \(shown)", work)
  }

  /// A file of a server; nothing else is in its folder.
  func file(
    _ reference: FileReference, named name: String, digest: Digest?, _ need: RemoteNeed
  ) async throws -> FetchedFile {
    let key = name + " " + reference.url
    let file = try await remotes.files.value(key) {
      try await fetching(reference.shown, need) { reporter in
        let (downloads, wish) = try await blocking {
          let folder = try self.store.newFolder().appending("rootfs")
          let wish = FileWish(
            reference, at: folder.appending(name), digest: digest, limit: try self.store.room())
          let downloader = try self.remotes.downloader(self.session)
          return (Downloads(self.layout.buildDownloads, downloader), wish)
        }
        let file = try await downloads.fetch(wish) { current, total in
          reporter.tell(.progress(current: current, total: total))
        }
        return (file, file.isKnown)
      }
    }
    try file.check(digest, as: reference.shown)
    return file
  }

  /// The folder that is wanted of a repository.
  func folder(_ reference: GitReference, _ need: RemoteNeed) async throws -> FilePath {
    var whole = reference
    whole.folder = nil
    whole.keepsGitFolder = reference.keepsGitFolder ?? need.keepsGitFolder
    let wanted = whole
    let key =
      "\(wanted.keepsGitFolder == true) \(wanted.hasSubmodules) \(wanted.commit ?? "") "
      + "\(wanted.ref ?? "")#\(wanted.url)"
    let tree = try await remotes.trees.value(key) {
      try await fetching(reference.shown, need) { _ in
        let (scratch, downloader) = try await blocking {
          let scratch = try self.store.newFolder().appending("git")
          return (scratch, try self.remotes.downloader(self.session))
        }
        let repositories = Repositories(
          layout.buildRepositories, environment: session.request.environment, downloader)
        let tree = try await repositories.checkOut(wanted, need.access, in: scratch)
        return (tree, tree.isKnown)
      }
    }
    guard let folder = reference.folder else { return tree.folder }
    return try await blocking { try tree.folder(folder, of: reference) }
  }

  /// The folder that a context elsewhere is: a repository, an archive unpacked, or a Dockerfile alone.
  func context(_ address: String, _ need: RemoteNeed) async throws -> FilePath {
    switch try RemoteReference(address, for: .context) {
    case .repository(let reference): return try await folder(reference, need)
    case .file(let reference):
      let name = "Dockerfile"
      let file = try await self.file(reference, named: name, digest: nil, need)
      return try await remotes.unpacked.value(reference.url) { try await unpack(file.path) }
    case nil:
      throw Faults([
        Diagnostic(
          "`\(withoutSecrets(address))` is no address that a context can be fetched from",
          hint: "write `https://HOST/NAME.git#BRANCH`, or the address of an archive")
      ])
    }
  }

  /// Unpacks an archive, what is none stays as it is, in a folder of its own.
  private func unpack(_ file: FilePath) async throws -> FilePath {
    let folder = try await blocking { [store] in try store.newFolder() }
    let source = LayerSource.folder(
      path: Bytes(file.removingLastComponent().string), ignored: [], digests: nil)
    let name = file.lastComponent?.string ?? ""
    var copy = LayerCopy(source: source, patterns: [Bytes(name)], target: "/context/")
    copy.unpacks = .archives
    let job = LayerJob(
      action: .apply, lowers: [], upper: Bytes(folder.appending("upper").string),
      work: Bytes(folder.appending("work").string), steps: [.copy(copy)])
    try await session.perform(job)
    return folder.appending("upper").appending("context")
  }
}

extension Session {
  /// Agents and keys that a build was given.
  func sshSources(of definition: BuildDefinition, _ request: BuildRequest) -> [SSHSource] {
    definition.ssh
      + request.ssh.compactMap {
        SSHSource(
          $0, in: self.request.workingDirectory, home: self.request.environment["HOME"])
      }
  }
}
