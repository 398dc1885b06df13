// What all builds of one command share: the store, the numbers of steps, containers that run a step.

import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Host
import Images
import Linux
import Networking
import OCI
import Store
import Synchronization
import SystemPackage

final class Builder: Sendable {
  let session: Session
  let store: BuildStore
  let layout: Layout
  let remotes = RemoteSources()
  /// Of folders that several steps mount, by digests of their contents.
  let copies = Memo<String, FilePath>()
  let proxies: [KeyValue]
  private let lastStep = Mutex(0)
  private let began = ContinuousClock.now
  /// Keeps what lies below `<state>/builds`.
  private let folders: Mutex<BuildLock?>
  private let made = Atomic<Bool>(false)
  /// Keeps the shared bridge between two steps.
  private let bridge = Mutex<BuildHold?>(nil)
  private let agents = Mutex<[[String]: KeyAgent]>([:])

  /// Blocks.
  init(_ session: Session) throws {
    self.session = session
    layout = session.layout
    try makeFolders(layout.builds)
    folders = Mutex(BuildLock(try FileLock.share(layout.buildsLock)))
    proxies = try session.proxyArguments()
    try session.sweepBuilds()
    try makeFolders(layout.buildDigests)
    store = try BuildStore(session.images, unpacker: session.host.unpacker)
  }

  /// That something was built that no earlier build had made.
  func noteMade() { made.store(true, ordering: .relaxed) }

  /// Whether the cache may have grown.
  var hasMade: Bool { made.load(ordering: .relaxed) }

  /// Gives back all that is not published. Blocks.
  func close() throws {
    folders.withLock { $0 = nil }
    // Each ends with its last owner.
    agents.withLock { $0 = [:] }
    let held = bridge.withLock { held in
      defer { held = nil }
      return held
    }
    defer {
      // The bridge is taken away with the last lease; what stays is swept by the next build.
      if let held { try? session.endBuildHold(held) }
    }
    try store.close()
  }

  /// Tells a step from its beginning to its end.
  func step<Value: Sendable>(
    _ title: String, _ work: (BuildReporter) async throws -> (value: Value, isCached: Bool)
  ) async throws -> Value {
    let number = lastStep.withLock { number in
      number += 1
      return number
    }
    let reporter = BuildReporter(number: number, began: began, tell: session.tell)
    reporter.tell(.began(title))
    do {
      let (value, isCached) = try await work(reporter)
      reporter.tell(.finished(isCached ? .cached : .done))
      return value
    } catch is CancellationError {
      reporter.tell(.finished(.cancelled))
      throw CancellationError()
    } catch let gone as StageGone {
      reporter.tell(.finished(.cancelled))
      throw gone
    } catch let told as ToldElsewhere {
      reporter.tell(.finished(.cancelled))
      throw told.failure
    } catch {
      // What a process says that was ended for it is not the reason.
      if Task.isCancelled {
        reporter.tell(.finished(.cancelled))
        throw CancellationError()
      }
      let summary = (error as? any Diagnosable)?.diagnostics.first?.summary ?? "\(error)"
      reporter.tell(.finished(.failed(summary)))
      throw error
    }
  }

  /// Makes sure that the network of steps stays from one to the next. Blocks.
  func holdBridge() throws {
    try bridge.withLock { held in
      if held != nil { return }
      let id = randomID()
      let hold = try session.beginBuildHold(id)
      _ = try session.networks.lease(
        try session.joinable(PredefinedNetwork.bridge), container: id)
      held = hold
    }
  }

  /// An agent with these keys, one for all steps that ask for them. Blocks.
  func agent(for keys: [String]) throws -> KeyAgent {
    try agents.withLock { agents in
      if let known = agents[keys] { return known }
      let folder = layout.run.appending("agents")
      try makeFolders(folder)
      let socket = folder.appending(String(randomID().prefix(12)))
      let path = session.variable("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
      let agent = try KeyAgent(keys, socket: socket, path: path)
      agents[keys] = agent
      return agent
    }
  }

  /// RFC 3339, now.
  func stamp() -> String { Session.now().rfc3339 }
}

/// How long a step that was cancelled may take to be gone.
private let endWait = (rounds: 300, microseconds: UInt32(10_000))

/// One step of a build, for whoever works on it.
struct BuildReporter: Sendable {
  fileprivate let number: Int
  fileprivate let began: ContinuousClock.Instant
  fileprivate let tell: EventSink

  fileprivate init(number: Int, began: ContinuousClock.Instant, tell: @escaping EventSink) {
    self.number = number
    self.began = began
    self.tell = tell
  }

  func tell(_ change: BuildEvent.Change) {
    tell(.build(BuildEvent(step: number, change, time: began.duration(to: .now))))
  }
}

/// Something of a build that is known by an id in the run folder, and given back with it.
struct BuildHold: Sendable {
  let id: String
  fileprivate let lock: BuildLock
}

private final class BuildLock: Sendable {
  let lock: FileLock

  init(_ lock: consuming FileLock) { self.lock = lock }
}

extension Session {
  private var buildHolds: FilePath { layout.run.appending("builds") }

  /// From now on what is made for `id` is taken away by the next build, should this one be killed.
  func beginBuildHold(_ id: String) throws -> BuildHold {
    try makeFolders(buildHolds)
    let file = buildHolds.appending(id)
    for _ in 0..<endWait.rounds {
      // Another build that sweeps may have found it before it was locked, and taken it away.
      if let lock = try FileLock.attempt(file), lock.isOn(file) {
        return BuildHold(id: id, lock: BuildLock(lock))
      }
      usleep(endWait.microseconds)
    }
    throw SystemCallError("flock", file.string, .wouldBlock)
  }

  /// Gives its addresses back.
  func endBuildHold(_ hold: BuildHold) throws {
    try releaseBuildLeases(of: hold.id)
    // A supervisor whose step was cancelled is about to end. What is still there then is for the next build
    // to take away.
    for _ in 0..<endWait.rounds {
      if access(layout.running(hold.id).string, F_OK) != 0 { break }
      usleep(endWait.microseconds)
    }
    if access(layout.running(hold.id).string, F_OK) == 0 { return }
    try removeFile(buildHolds.appending(hold.id))
  }

  /// What killed builds have left.
  func sweepBuilds() throws {
    for name in try namesInFolder(buildHolds).map(\.string) {
      guard let lock = try FileLock.attempt(buildHolds.appending(name)) else { continue }
      do {
        waitForGuard(of: name)
        try takeAway(name)
        try removeTree(layout.running(name))
        try releaseBuildLeases(of: name)
        try removeFile(buildHolds.appending(name))
      } catch {
        // It is no reason not to build; the next one tries again.
        warn(Failure("what a build has left cannot be taken away yet", error))
      }
      _ = consume lock
    }
  }

  /// Whether a build that runs has made something with this id.
  func isOfBuild(_ id: String) -> Bool { FileLock.isHeld(buildHolds.appending(id)) }

  private func releaseBuildLeases(of id: String) throws {
    for network in try networks.list() {
      for lease in try networks.leases(network.name) where lease.container == id {
        try networks.release(lease.address, network: network.name, container: id)
      }
      if network.name == PredefinedNetwork.bridge { try networks.removeUnused(network.name) }
    }
  }
}
