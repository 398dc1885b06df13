// The mounts of a `RUN` made ready: copies for what may be written and is thrown away, folders that are
// kept from build to build, secrets in memory.

import Blueprint
import CLinux
import Compose
import Control
import Diagnostics
import Dockerfile
import Glibc
import Images
import Linux
import OCI
import Store
import SystemPackage

/// Ready for a container.
struct PreparedMounts: Sendable {
  var mounts: [MountStep] = []
  var files: [GivenFile] = []
  /// The values of handed files.
  var handed: [SharedDescriptor] = []
  /// Of secrets and the like: they stand in no key and no history.
  var variables: [(name: String, value: [UInt8])] = []
  fileprivate var relays: [AgentRelay] = []
  fileprivate var locks: [CacheLock] = []
  /// Caches that are open, by the folders of their names.
  fileprivate var caches: [FilePath: FilePath] = [:]

  /// Keeps folders that only one may use at a time, and serves agents, while `work` runs.
  func holding<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
    let value = try await withThrowingTaskGroup(of: Void.self) { [relays] group in
      for relay in relays { group.addTask { try await blocking { relay.run() } } }
      defer { for relay in relays { relay.end() } }
      return try await work()
    }
    withExtendedLifetime(locks) {}
    return value
  }
}

fileprivate final class CacheLock: Sendable {
  let lock: FileLock

  init(_ lock: consuming FileLock) { self.lock = lock }
}

/// So many builds may each have a cache of their own with the same name.
private let privateCaches = 256

extension StageRun {
  func prepare(_ mounts: RunMounts, for instruction: Instruction) async throws -> PreparedMounts {
    var prepared = PreparedMounts()
    let folders = try await cacheFolders(mounts)
    let locked = Set(folders.filter { mounts.items[$0.key].mount.sharing == .locked }.values)
    // Locks are taken in one order by all, so that no two wait for each other.
    for name in locked.sorted(by: { $0.string < $1.string }) {
      prepared.locks.append(try await lockCache(name))
      prepared.caches[name] = name
    }
    for (index, item) in mounts.items.enumerated() {
      switch item.kind {
      case .bind(let source, let path):
        try await bind(item, source, path, &prepared)
      case .cache(_, let seed, let seedPath):
        guard let folder = folders[index] else { continue }
        try await cache(item, in: folder, seed, seedPath, &prepared)
      case .tmpfs:
        guard let target = item.target else { continue }
        prepared.mounts.append(
          .tmpfs(target: Bytes(target), size: item.mount.size, mode: item.mount.mode, options: []))
      case .secret(let id): try secret(item, id, &prepared)
      case .ssh(let id): try agent(item, id, &prepared)
      }
    }
    prepared.mounts.sort { $0.target.raw.count < $1.target.raw.count }
    return prepared
  }

  /// A stage as it is, read-only; all else as a copy without what the ignore file leaves out.
  private func bind(
    _ item: RunMounts.Item, _ source: LayerSource, _ path: String, _ prepared: inout PreparedMounts
  ) async throws {
    guard let target = item.target else { return }
    let subpath = cleaned(path).dropFirst()
    if case .layers(let layers) = source, !layers.isEmpty, !item.mount.isWritable {
      prepared.mounts.append(
        .image(
          id: item.mount.from?.text ?? "", layers: layers, target: Bytes(target),
          subpath: subpath.isEmpty ? nil : Bytes(String(subpath))))
      return
    }
    let copy =
      item.mount.isWritable
      ? try await copied(source, path, for: item.mount)
      : try await shared(source, path, for: item.mount)
    prepared.mounts.append(
      .bind(
        source: Bytes(copy.string), target: Bytes(target), readOnly: !item.mount.isWritable,
        createSource: false, propagation: nil))
  }

  /// A copy for all steps of the command that see the same files.
  private func shared(_ source: LayerSource, _ path: String, for mount: RunMount) async throws
    -> FilePath
  {
    let digest = try await digest(of: source, path, for: mount)
    // What has changed meanwhile is for this step alone.
    let isSame: @Sendable () async throws -> Bool = {
      try await self.digest(of: source, path, for: mount) == digest
    }
    return try await builder.copies.value(digest, keeping: isSame) {
      try await copied(source, path, for: mount)
    }
  }

  private func copied(_ source: LayerSource, _ path: String, for mount: RunMount) async throws
    -> FilePath
  {
    let folder = try await blocking { [store = builder.store] in try store.newFolder() }
    try await copy(source, path, for: mount, into: folder)
    return folder.appending("upper").appending("mounted")
  }

  private func copy(
    _ source: LayerSource, _ path: String, for mount: RunMount, into folder: FilePath
  ) async throws {
    var job = copying(source, path)
    job.upper = Bytes(folder.appending("upper").string)
    job.work = Bytes(folder.appending("work").string)
    let session = builder.session
    try await placing(in: mount.from?.text) {
      _ in
      mount.span
    } _: {
      try await session.perform(job)
    }
  }

  private func cache(
    _ item: RunMounts.Item, in folder: FilePath, _ seed: LayerSource?, _ seedPath: String,
    _ prepared: inout PreparedMounts
  ) async throws {
    guard let target = item.target else { return }
    let mount = item.mount
    let place: FilePath
    if let known = prepared.caches[folder] {
      place = known
    } else if mount.sharing == .private {
      let (own, lock) = try await blocking { try openPrivateCache(folder) }
      place = own
      prepared.locks.append(lock)
    } else {
      try makeFolders(folder)
      place = folder
    }
    prepared.caches[folder] = place
    noteUse(place)
    let data = place.appending("data")
    if access(data.string, F_OK) != 0 {
      // Two that use it first at once must not each put a folder there.
      let lock = try await lockCache(place, by: "filling")
      if access(data.string, F_OK) != 0 {
        try await fill(data, in: place, mount, seed, seedPath)
      }
      withExtendedLifetime(lock) {}
    }
    prepared.mounts.append(
      .bind(
        source: Bytes(data.string), target: Bytes(target), readOnly: !mount.isWritable,
        createSource: false, propagation: nil))
  }

  /// The folder of each cache, by its place among the mounts. One that is filled from elsewhere is
  /// another one for other contents, as with BuildKit.
  private func cacheFolders(_ mounts: RunMounts) async throws -> [Int: FilePath] {
    let scope = job.arguments.value(of: "BUILDKIT_CACHE_MOUNT_NS") ?? ""
    var folders: [Int: FilePath] = [:]
    for (index, item) in mounts.items.enumerated() {
      guard case .cache(let id, let seed, let path) = item.kind else { continue }
      var name = "\(scope)\n\(id)"
      // Of another owner it is another one: nobody else could write to it.
      let mount = item.mount
      let owner = [mount.user ?? 0, mount.group ?? 0, mount.mode ?? 0o755]
      if owner != [0, 0, 0o755] { name += "\n\(owner)" }
      if let seed { name += "\n" + (try await digest(of: seed, path, for: item.mount)) }
      folders[index] = builder.layout.buildCaches.appending(Digest(of: Array(name.utf8)).hex)
    }
    return folders
  }

  /// Waits until nobody else has it.
  private func lockCache(_ folder: FilePath, by name: String = "lock") async throws -> CacheLock {
    try makeFolders(folder)
    while true {
      if let lock = try FileLock.attempt(folder.appending(name)) { return CacheLock(lock) }
      try await Task.sleep(for: .milliseconds(25))
    }
  }

  /// A new cache: empty, or as `from` says. It is there under its name when it is whole.
  private func fill(
    _ data: FilePath, in place: FilePath, _ mount: RunMount, _ seed: LayerSource?,
    _ seedPath: String
  ) async throws {
    let folder = try await blocking { [store = builder.store] in try store.newFolder() }
    let made = folder.appending("upper").appending("mounted")
    if let seed {
      try await copy(seed, seedPath, for: mount, into: folder)
    } else {
      try makeFolders(made)
    }
    try checking("chown", made.string) { chown(made.string, mount.user ?? 0, mount.group ?? 0) }
    try checking("chmod", made.string) { chmod(made.string, mount.mode ?? 0o755) }
    if rename(made.string, data.string) != 0, Errno.current != .directoryNotEmpty,
      Errno.current != .fileExists
    {
      throw SystemCallError("rename", data.string, .current)
    }
  }

  private func secret(_ item: RunMounts.Item, _ id: String, _ prepared: inout PreparedMounts) throws
  {
    guard let secret = job.definition.secrets.last(where: { $0.id == id }) else {
      guard item.mount.isRequired else { return }
      throw job.source.fault(
        "secret `\(id)`: not found", at: item.mount.span,
        hint: "add it to `secrets` below `build:`, or leave `required` out")
    }
    let value: [UInt8]
    do {
      value = try builder.session.value(of: secret)
    } catch let faults as Faults {
      throw faults.placed(at: item.mount.span, in: job.source)
    }
    if let variable = item.variable {
      guard !value.contains(0) else {
        throw job.source.fault(
          "secret `\(id)`: its value has a NUL, and no variable can have one", at: item.mount.span,
          hint: "give it a `target`, and read the file")
      }
      prepared.variables.append((variable, value))
    }
    guard let target = item.target else { return }
    var file = GivenFile(
      kind: .secret, name: id, source: .handed(variable: id), target: Bytes(target))
    (file.uid, file.gid) = (item.mount.user ?? 0, item.mount.group ?? 0)
    file.mode = item.mount.mode ?? 0o400
    prepared.files.append(file)
    prepared.handed.append(SharedDescriptor(try .sealedMemory("secret", value)))
  }

  /// The socket of an agent of the caller's.
  private func agent(_ item: RunMounts.Item, _ id: String, _ prepared: inout PreparedMounts) throws
  {
    let asked = job.ssh.last { $0.id == id }
    guard let asked else {
      guard item.mount.isRequired else { return }
      throw job.source.fault(
        "no agent for the ssh key `\(id)`", at: item.mount.span,
        hint: "write `ssh: [\(id)]` below `build:`, or --ssh \(id)")
    }
    var path = try agentSocket(asked, item.mount)
    let mount = item.mount
    if mount.user != nil || mount.group != nil || mount.mode != nil {
      let relay = try AgentRelay(
        to: path, in: try builder.store.newFolder(), owner: mount.user ?? 0,
        group: mount.group ?? 0, mode: mount.mode ?? 0o600)
      prepared.relays.append(relay)
      path = relay.socket.string
    }
    let count = prepared.mounts.count(where: { $0.target.text.hasPrefix("/run/buildkit/ssh_agent") }
    )
    let target = item.target ?? "/run/buildkit/ssh_agent.\(count)"
    prepared.mounts.append(
      .bind(
        source: Bytes(path), target: Bytes(target), readOnly: false, createSource: false,
        propagation: nil))
    prepared.variables.append(("SSH_AUTH_SOCK", Array(target.utf8)))
  }
}

extension StageRun {
  /// The socket that was named, the caller's own, or that of an agent for the keys that were named.
  private func agentSocket(_ asked: SSHSource, _ mount: RunMount) throws -> String {
    if asked.paths.isEmpty {
      guard let own = builder.session.variable("SSH_AUTH_SOCK"), isSocket(own) else {
        throw job.source.fault(
          "no agent for the ssh key `\(asked.id)`: SSH_AUTH_SOCK names none", at: mount.span,
          hint: "start ssh-agent and ssh-add the key, or name its file: `ssh: [\(asked.id)=PATH]`")
      }
      return own
    }
    if asked.paths.count == 1, isSocket(asked.paths[0]) { return asked.paths[0] }
    if let missing = asked.paths.first(where: { access($0, R_OK) != 0 }) {
      throw job.source.fault("the ssh key `\(missing)` cannot be read", at: mount.span)
    }
    return try builder.agent(for: asked.paths).socket.string
  }
}

/// A folder of a cache that nobody else uses now. Blocks.
private func openPrivateCache(_ folder: FilePath) throws -> (FilePath, CacheLock) {
  for number in 0..<privateCaches {
    let place = number == 0 ? folder : FilePath("\(folder)-\(number)")
    try makeFolders(place)
    if let lock = try FileLock.attempt(place.appending("lock")) { return (place, CacheLock(lock)) }
  }
  throw Faults([Diagnostic("too many builds at once want a cache of their own")])
}
