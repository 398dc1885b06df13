// `berth-shim cp`: files between the host and a container, which may run or not. One process with one
// thread: it holds the host's root by a handle before it turns to the container's mounts, and from then
// on uses no path but below one of the two handles, and loads nothing.

import Archive
import Blueprint
import CLinux
import ContainerInit
import Control
import Copying
import Diagnostics
import Glibc
import Linux
import Store
import SystemPackage

/// What is read from a stream at once.
private let chunk = 256 << 10

/// A shim whose program has ended goes soon, or starts it again: so long that is waited for.
private let endWait = (rounds: 100, microseconds: UInt32(20_000))

/// - Returns: 0, or 1 when something was not copied, which it has said.
func copyFiles(_ options: CopyOptions) -> Int32 {
  signal(SIGPIPE, SIG_IGN)
  umask(0)
  do {
    if case .layer = options.direction {
      try writeLayer(options)
    } else {
      try CopySession(options).run()
    }
    return 0
  } catch let error as SystemCallError where error.errno == .brokenPipe && error.call == "write" {
    // Who read the stream has seen enough.
    return 0
  } catch {
    return report(error)
  }
}

/// What the container has changed, read from where it is kept: whether it runs does not matter.
private func writeLayer(_ options: CopyOptions) throws {
  let upper = try Descriptor.open(
    options.containerFolder.appending("upper"), O_PATH | O_DIRECTORY | O_NOFOLLOW)
  let tree = CopyTree(
    root: SharedDescriptor(upper), descriptors: SharedDescriptor(try ownDescriptors()), label: "/")
  let layers = try openLayers(readBlueprint(options.containerFolder).root.layers)
  let rules = LayerRules(leavingOut: options.leftOut.map(\.raw), opaque: .over(layers))
  var archiver = TreeArchiver(tree, layer: rules) {
    try writeAll($0, to: STDOUT_FILENO)
  }
  try archiver.archiveContents()
}

private struct CopySession {
  let options: CopyOptions
  let host: CopyTree
  let container: CopyTree

  init(_ options: CopyOptions) throws {
    self.options = options
    let blueprint = try readBlueprint(options.containerFolder)
    let descriptors = SharedDescriptor(try ownDescriptors())
    let root = SharedDescriptor(try Descriptor.open("/", O_PATH | O_DIRECTORY))
    host = CopyTree(root: root, descriptors: descriptors, label: "")
    container = CopyTree(
      root: SharedDescriptor(try Self.root(of: blueprint, options)), descriptors: descriptors,
      label: blueprint.name + ":")
  }

  private static func root(of blueprint: ContainerBlueprint, _ options: CopyOptions) throws
    -> Descriptor
  {
    let layout = Layout(state: "/", run: options.run)
    let client = ShimClient(runFolder: layout.running(blueprint.id))
    for _ in 0..<endWait.rounds {
      do {
        let pidfd = try client.view()
        return try withExtendedLifetime(pidfd) { try enterMounts(of: pidfd.raw) }
      } catch ControlError.notRunning, ControlError.lost {
        // While its shim lives it may be started again, and its root is not ours to mount; nor while
        // a guard ends what still has it mounted.
        guard client.isAlive || FileLock.isHeld(layout.guardLock(blueprint.id)) else {
          return try mountStandingRoot(blueprint, containerFolder: options.containerFolder)
        }
        usleep(endWait.microseconds)
      } catch let failure as LaunchFailure where failure.errno == .noSuchProcess {
        // It has ended since it was asked for: the shim is about to learn it.
        usleep(endWait.microseconds)
      }
    }
    throw ShimFailure(
      stage: "copying", message: "the container is between two starts: stop it, or try again")
  }

  func run() throws {
    switch (options.direction, options.hostPath.raw == Array("-".utf8)) {
    case (.whole, _):
      var archiver = TreeArchiver(container, leavesOutMounts: true) {
        try writeAll($0, to: STDOUT_FILENO)
      }
      try archiver.archiveContents()
    case (.out, true):
      let source = try container.source(
        options.containerPath.raw, followsLinks: options.followsLinks)
      var archiver = TreeArchiver(container) { try writeAll($0, to: STDOUT_FILENO) }
      try archiver.archive(source, as: source.name)
    case (.out, false):
      let owner: TreeWriter.Owner =
        options.keepsOwners ? .asArchived : .fixed(uid: options.owner.uid, gid: options.owner.gid)
      try copy(
        options.containerPath.raw, of: container, to: options.hostPath.raw, of: host,
        owner: owner, trust: .plain(keepsSetIDs: options.keepsOwners))
    case (.layer, _): break  // never here: it needs nothing of the container's
    case (.into, true):
      try unpackStream()
    case (.into, false):
      try copy(
        options.hostPath.raw, of: host, to: options.containerPath.raw, of: container,
        owner: ownerInside, trust: .everything)
    }
  }

  private var ownerInside: TreeWriter.Owner {
    options.keepsOwners ? .asArchived : .fixed(uid: 0, gid: 0)
  }

  private func copy(
    _ path: [UInt8], of from: CopyTree, to place: [UInt8], of tree: CopyTree,
    owner: TreeWriter.Owner, trust: TreeWriter.Trust
  ) throws {
    let source = try from.source(path, followsLinks: options.followsLinks)
    let target = try tree.target(place, for: source)
    var writer = TreeWriter(tree, into: target, owner: owner, trust: trust)
    var reader = TarReader()
    var archiver = TreeArchiver(from) { try reader.feed($0, to: &writer) }
    try archiver.archive(source, as: target.name)
    try reader.finish(&writer)
    try finish(writer)
  }

  private func unpackStream() throws {
    let target = try container.streamTarget(options.containerPath.raw)
    var writer = TreeWriter(container, into: target, owner: ownerInside, trust: .everything)
    var reader = TarReader()
    let input = Descriptor(owning: STDIN_FILENO)
    while true {
      let bytes = try input.read(upTo: chunk)
      if bytes.isEmpty { break }
      try bytes.withUnsafeBytes { try reader.feed($0, to: &writer) }
    }
    try reader.finish(&writer)
    try finish(writer)
  }

  private func finish(_ writer: TreeWriter) throws {
    try writer.finish()
    if writer.leftOut > 0 {
      complain("\(writer.leftOut) devices were left out: they would be devices of the host")
    }
  }
}

private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) throws(SystemCallError)
{
  var done = 0
  while done < bytes.count {
    done += try retrying("write") {
      write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
    }
  }
}
