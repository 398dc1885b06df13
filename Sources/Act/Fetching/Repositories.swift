// Commits of git repositories as plain folders. What a name stands for is asked each time, a commit that is
// here is not fetched again. Below `<state>/builds/git`:
//
//   <digest of address and ways>/<commit>/tree/   its files; never changed
//   <digest of address and ways>/<commit>/lock    shared by builds that read it
//
// A commit is made in the folder of a build and moved here when it is whole.

import CLinux
package import Dockerfile
import Glibc
import Linux
import OCI
package import Registry
import Store
package import SystemPackage

/// A commit's files; they stay as long as this value.
package final class CheckedOut: Sendable {
  package let folder: FilePath
  package let commit: String
  /// Whether it was here already.
  package let isKnown: Bool
  private let lock: TreeLock?

  /// A folder inside of it, reached through no link.
  package func folder(_ name: String, of reference: GitReference) throws -> FilePath {
    let flags = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    do {
      let root = try Linux.Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
      _ = try root.resolve(FilePath(name), O_RDONLY | O_DIRECTORY, resolve: Int32(flags))
    } catch {
      throw GitFault.noFolder(withoutSecrets(reference.url), name)
    }
    return folder.pushing(FilePath(name))
  }

  fileprivate init(_ folder: FilePath, commit: String, isKnown: Bool, _ lock: TreeLock?) {
    self.folder = folder
    self.commit = commit
    self.isKnown = isKnown
    self.lock = lock
  }
}

private final class TreeLock: Sendable {
  private let lock: FileLock
  init(_ lock: consuming FileLock) { self.lock = lock }
}

package struct Repositories: Sendable {
  /// So many commits of one repository are kept.
  private static let keptCommits = 8

  private static let submodules = ["submodule", "--quiet", "update", "--init", "--recursive"]

  private let root: FilePath
  private let environment: [String: String]
  private let downloader: Downloader

  /// - Parameter downloader: its rules for redirects count for git as well.
  package init(_ root: FilePath, environment: [String: String], _ downloader: Downloader) {
    self.root = root
    self.environment = environment
    self.downloader = downloader
  }

  /// Finds the commit that is wanted, and fetches it when it is not here.
  /// - Parameter scratch: a folder that does not exist yet, on the file system of the state folder.
  package func checkOut(_ reference: GitReference, _ access: GitAccess, in scratch: FilePath)
    async throws -> CheckedOut
  {
    let address = try GitAddress(reference, access)
    let git = try await blocking { [environment] in
      try makeFolders(scratch)
      return try GitProgram(
        access, environment: environment, shown: reference.shown, credential: address.credential)
    }
    // A commit that is here is not asked for.
    let isCommitID = reference.ref.map(isCommit) ?? false
    var place = address.url
    if !isCommitID {
      place = try await address.destination(downloader, shown: reference.shown)
    }
    let wanted = try await resolve(reference, at: place, git, in: scratch)
    if let wanted = wanted.commit,
      let known = try await blocking({ try self.find(wanted, reference) })
    {
      return try check(known, reference)
    }
    if isCommitID {
      place = try await address.destination(downloader, shown: reference.shown)
    }
    let source = Source(address: address, remote: place == address.url ? "origin" : place)
    let commit = try await fetch(wanted, reference, source, git, in: scratch)
    try check(commit, reference)
    return try await blocking {
      try self.keep(scratch, commit, reference)
    }
  }

  // MARK: - Which commit

  private struct Target {
    /// Known before it is fetched.
    var commit: String?
    /// What the server is asked for.
    var name: String
  }

  private struct Source {
    /// As the repository knows where it is from.
    var address: GitAddress
    /// What git fetches from: where that leads to.
    var remote: String
  }

  private func resolve(
    _ reference: GitReference, at place: String, _ git: GitProgram, in folder: FilePath
  ) async throws -> Target {
    if let ref = reference.ref, isCommit(ref) {
      let commit = ref.lowercased()
      try check(commit, reference)
      return Target(commit: commit, name: commit)
    }
    let names: [String]
    if let ref = reference.ref {
      names =
        ref.hasPrefix("refs/")
        ? [ref] : ["refs/heads/" + ref, "refs/" + ref, "refs/tags/" + ref]
    } else {
      names = ["HEAD"]
    }
    let patterns = names + names.filter { $0.hasPrefix("refs/tags/") }.map { $0 + "^{}" }
    let listed = try await git.run(["ls-remote", "--", place] + patterns, in: folder)
    var commits: [String: String] = [:]
    for line in listed.split(separator: "\n") {
      let parts = line.split(separator: "\t")
      if parts.count == 2, isCommit(String(parts[0])) {
        commits[String(parts[1])] = String(parts[0])
      }
    }
    for name in names {
      guard let commit = commits[name + "^{}"] ?? commits[name] else { continue }
      try check(commit, reference)
      return Target(commit: commit, name: name)
    }
    throw GitFault.noRef(withoutSecrets(reference.url), reference.ref ?? "HEAD")
  }

  private func check(_ commit: String, _ reference: GitReference) throws(GitFault) {
    guard let expected = reference.commit?.lowercased(), !commit.hasPrefix(expected) else { return }
    throw .wrongCommit(reference.shown, expected: expected, found: commit)
  }

  private func check(_ known: CheckedOut, _ reference: GitReference) throws -> CheckedOut {
    try check(known.commit, reference)
    return known
  }

  // MARK: - Fetching

  /// Makes the files of the commit in `folder`.
  /// - Returns: the commit that came.
  private func fetch(
    _ target: Target, _ reference: GitReference, _ source: Source, _ git: GitProgram,
    in folder: FilePath
  ) async throws -> String {
    _ = try await git.run(["init", "--quiet", "--template="], in: folder)
    _ = try await git.run(["remote", "add", "origin", source.address.url], in: folder)
    let name = try await bring(target, from: source.remote, git, in: folder)
    let commit = try await git.run(["rev-parse", "--verify", name + "^{commit}"], in: folder)
      .filter { !$0.isWhitespace }
    _ = try await git.run(["checkout", "--quiet", "--detach", "--force", commit], in: folder)
    let modules = folder.appending(".gitmodules")
    if reference.hasSubmodules, modules.withPlatformString({ access($0, F_OK) }) == 0 {
      // Who names these may name any server: a redirect of theirs leads nowhere else.
      let update = ["-c", "http.followRedirects=initial"] + Self.submodules
      do {
        _ = try await git.run(update + ["--depth=1"], in: folder)
      } catch is GitFault {
        // As in `bring`.
        _ = try await git.run(update, in: folder)
      }
    }
    let time = try await git.run(["show", "--no-patch", "--format=%ct", commit], in: folder)
    if reference.keepsGitFolder == true {
      _ = try await git.run(
        ["remote", "set-url", "origin", withoutSecrets(source.address.url)], in: folder)
    }
    try await blocking {
      let keeps = reference.keepsGitFolder == true
      if keeps { try removeFile(folder.appending(".git").appending("FETCH_HEAD")) }
      let seconds = Int(time.filter { !$0.isWhitespace }) ?? 0
      try TreeSettling(time: seconds, keepsGitFolders: keeps).settle(folder)
    }
    return commit
  }

  /// - Returns: what to call the commit here.
  private func bring(
    _ target: Target, from remote: String, _ git: GitProgram, in folder: FilePath
  ) async throws -> String {
    let quiet = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]
    var fetched = "FETCH_HEAD"
    do {
      _ = try await git.run(quiet + ["--depth=1", "--", remote, target.name], in: folder)
    } catch is GitFault {
      // Some servers give no single commits, and plain files on a web server no part of a history.
      let all = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
      _ = try await git.run(quiet + ["--", remote] + all, in: folder)
      fetched = target.name
    }
    guard let commit = target.commit else { return fetched }
    if try await isHere(commit, git, folder) { return commit }
    // The name may have moved since it was asked for.
    guard fetched == "FETCH_HEAD" else {
      throw GitFault.noRef(String(git.shown.prefix { $0 != "#" }), target.name)
    }
    return fetched
  }

  private func isHere(_ commit: String, _ git: GitProgram, _ folder: FilePath) async throws -> Bool
  {
    do {
      _ = try await git.run(["cat-file", "-e", commit + "^{commit}"], in: folder)
      return true
    } catch is GitFault {
      return false
    }
  }

  // MARK: - On the disk

  private func folder(_ reference: GitReference) -> FilePath {
    let ways =
      "\(reference.hasSubmodules ? "submodules" : "") \(reference.keepsGitFolder == true ? "git" : "")"
    return root.appending(Digest(of: Array((ways + " " + reference.url).utf8)).hex)
  }

  private func find(_ commit: String, _ reference: GitReference) throws -> CheckedOut? {
    let place = folder(reference).appending(commit)
    let tree = place.appending("tree")
    guard access(tree.string, F_OK) == 0 else { return nil }
    let lock = try FileLock.share(place.appending("lock"))
    noteUse(folder(reference))
    // Its age only decides what is taken away first. It may have been taken away just now.
    let isThere = utimensat(AT_FDCWD, place.string, nil, 0) == 0 && access(tree.string, F_OK) == 0
    return isThere ? CheckedOut(tree, commit: commit, isKnown: true, TreeLock(lock)) : nil
  }

  /// Lets later builds find it. When it cannot be moved there, this one alone has it.
  private func keep(_ scratch: FilePath, _ commit: String, _ reference: GitReference) throws
    -> CheckedOut
  {
    let all = folder(reference)
    let place = all.appending(commit)
    try makeFolders(place)
    let lock = try FileLock.share(place.appending("lock"))
    let tree = place.appending("tree")
    let moved = scratch.withPlatformString { from in
      tree.withPlatformString { rename(from, $0) == 0 }
    }
    try sweep(all, but: commit)
    // Another build may have been quicker: its files are the same.
    let isThere = moved || access(tree.string, F_OK) == 0
    return CheckedOut(
      isThere ? tree : scratch, commit: commit, isKnown: false, TreeLock(lock))
  }

  /// Takes away commits that were not used for longest.
  private func sweep(_ all: FilePath, but commit: String) throws {
    var ages: [(age: Int, place: FilePath)] = []
    for name in try namesInFolder(all) where name.string != commit {
      let place = all.appending(name)
      var status = stat()
      if lstat(place.string, &status) == 0 { ages.append((status.st_mtim.tv_sec, place)) }
    }
    ages.sort { $0.age > $1.age }
    for (_, place) in ages.dropFirst(Self.keptCommits - 1) {
      guard let lock = try FileLock.attempt(place.appending("lock")) else { continue }
      try removeTree(place)
      _ = consume lock
    }
  }
}

/// Makes a tree the same for whoever fetches it: modes as git knows them, the commit's time.
private struct TreeSettling {
  /// Deeper than any path that can be named.
  private static let depthLimit = 2048

  let time: Int
  let keepsGitFolders: Bool

  func settle(_ folder: FilePath) throws {
    try settle(try Linux.Descriptor.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), depth: 0)
  }

  private func settle(_ folder: consuming Linux.Descriptor, depth: Int) throws {
    guard depth < Self.depthLimit else {
      throw SystemCallError("open", "", Errno(rawValue: ENAMETOOLONG))
    }
    for name in try names(in: folder) {
      if name.string == ".git", !keepsGitFolders {
        try name.lastComponent.map { try removeTree($0, in: folder) }
        continue
      }
      var status = stat()
      try checking("fstatat", name.string) {
        name.withPlatformString { fstatat(folder.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        let child = try folder.openChild(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try settle(child, depth: depth + 1)
      case S_IFREG:
        let mode: mode_t = status.st_mode & S_IXUSR == 0 ? 0o644 : 0o755
        try checking("fchmodat", name.string) {
          name.withPlatformString { fchmodat(folder.raw, $0, mode, 0) }
        }
        try stamp(name, in: folder.raw)
      default: try stamp(name, in: folder.raw)
      }
    }
    try checking("fchmod") { fchmod(folder.raw, 0o755) }
    try stamp(".", in: folder.raw)
  }

  private func stamp(_ name: FilePath, in folder: CInt) throws(SystemCallError) {
    let times = [timespec(tv_sec: time, tv_nsec: 0), timespec(tv_sec: time, tv_nsec: 0)]
    try checking("utimensat", name.string) {
      name.withPlatformString { utimensat(folder, $0, times, AT_SYMLINK_NOFOLLOW) }
    }
  }
}
