// One container made, started, stopped and removed: the same for `up`, `run`, `start` and `down`.

import Host
import Blueprint
import Compose
import Control
import Diagnostics
import Linux
import Networking
import Runtime
import Store
import SystemPackage

/// What comes after a container that is removed.
enum Successor: Sendable {
  case none
  /// One of its name is made next, which takes its anonymous volumes over.
  case next
  /// It is there already, has them, and takes the addresses too.
  case made(ContainerBlueprint)
}

extension Session {
  /// Leases what it needs, writes it down and answers it.
  ///
  /// - Parameters:
  ///   - previous: the container that this one replaces: its anonymous volumes are kept.
  ///   - adjust: last changes before it is written.
  func makeContainer(
    _ base: ServiceBase, _ identity: ContainerIdentity, project: Project,
    previous: ContainerBlueprint?, adjust: (inout ContainerBlueprint) throws -> Void = { _ in }
  ) throws -> ContainerBlueprint {
    // First of all: what is made for a container that is never finished is found by its name.
    try containers.begin(id: identity.id, name: identity.leaseName, project: projectName)
    do {
      let mounts = try mounts(of: base, id: identity.id, project: project, previous: previous)
      if let size = base.service.storageSize.flatMap({ UInt64(exactly: $0.bytes) }) {
        try containers.limitSize(of: identity.id, to: size)
      }
      let network = try lease(base, identity, project: project)
      var blueprint = try blueprint(
        of: base, identity: identity, project: project, mounts: mounts, network: network)
      blueprint.files = try makeGivenFiles(of: base.service, in: project, container: identity.id)
      try writeHooks(of: base, identity, project: project, blueprint)
      try adjust(&blueprint)
      try writeFile(
        base.service.configHashInput, to: layout.definition(ofContainer: identity.id), .volatile)
      try containers.write(blueprint)
      noteLife("create", blueprint)
      return blueprint
    } catch {
      // Undone as far as it goes; the next command sweeps the rest.
      try? releaseLeases(of: identity.id, project)
      try? removeVolumes(madeFor: identity.id)
      try? containers.remove(id: identity.id, name: identity.leaseName)
      throw error
    }
  }

  /// Brings a made container to life and answers its blueprint with the ports that it got.
  func start(_ blueprint: ContainerBlueprint, ports: PortReservation) throws -> ContainerBlueprint {
    let written = blueprint
    var blueprint = blueprint
    let handed = try handedValues(blueprint)
    blueprint.network.ports = ports.ports
    blueprint.mounts = try blueprint.mounts.map(located)
    if blueprint != written { try containers.write(blueprint) }
    try removeFile(layout.exitRecord(blueprint.id))
    let shim = try ShimProcess.spawn(
      ShimProgram.open(host.shim), containerFolder: layout.container(blueprint.id),
      run: layout.run, state: layout.state, cleanup: host.berth)
    do {
      try withExtendedLifetime(handed) { try shim.handOver(handed.map(\.raw)) }
      let namespace = try shim.born()
      try connect(blueprint, namespace: namespace?.raw)
      try shim.networkReady(ports: ports.sockets.map(\.raw))
      for warning in try shim.ready() {
        tell(.warning(Diagnostic("container `\(blueprint.name)`: \(warning)", severity: .warning)))
      }
      try shim.go()
      _ = try shim.started()
      // It runs all the same; without the mark the next boot takes it for one that never ran.
      try? containers.markStarted(blueprint.id)
    } catch {
      // The container never ran: what was published for it must not stay. Its links went with it.
      try? unpublish(blueprint)
      let failure = error as? ShimFailure ?? shim.failure()
      throw failure.flatMap { WrongFormat($0, image: blueprint.image) } ?? failure ?? error
    }
    return blueprint
  }

  /// Removes a container that does not run: leases, folder, name and, on demand, the volumes that
  /// nobody named.
  ///
  /// - Parameter successor: of the same place.
  func remove(
    _ blueprint: ContainerBlueprint, withVolumes: Bool, successor: Successor = .none
  ) throws {
    try takeAwayLost(blueprint.id)
    let endpoints = blueprint.network.endpoints
    var isReplaced = false
    switch successor {
    case .none: try networks.release(endpoints, container: blueprint.id)
    case .next:
      isReplaced = true
      try networks.release(endpoints, container: blueprint.id)
    case .made(let heir):
      try networks.handOver(
        endpoints, of: blueprint.id, to: heir.id, having: heir.network.endpoints)
    }
    // Without its record nothing tells any more whose they are: a kill must not come between.
    let isNoted = (withVolumes || isReplaced) && !blueprint.anonymousVolumes.isEmpty
    if isNoted { try containers.noteReplacement(of: blueprint, project: projectName) }
    try containers.remove(id: blueprint.id, name: blueprint.name)
    noteLife("destroy", blueprint)
    guard withVolumes, isNoted else { return }
    try volumes.removeAnonymous(of: blueprint, containers)
    if !isReplaced { try containers.forgetReplaced(blueprint.name, project: projectName) }
  }
}

extension ContainerBlueprint {
  /// The volumes without a name of their own that it mounts.
  fileprivate var anonymousVolumes: [String] {
    mounts.compactMap(\.volumeName).filter(isAnonymous)
  }
}

extension VolumeStore {
  /// Removes the volumes without a name that a removed container had, but for those that another one has
  /// mounted as well.
  func removeAnonymous(of blueprint: ContainerBlueprint, _ containers: ContainerStore) throws {
    let own = blueprint.anonymousVolumes
    if own.isEmpty { return }
    let others = Set(try containers.list().flatMap { $0.blueprint.mounts.compactMap(\.volumeName) })
    for name in own where !others.contains(name) { try remove(name) }
  }
}

extension Session {
  /// What is left of containers that a killed command had removed and not yet made anew.
  func removeReplaced(withVolumes: Bool) throws {
    for blueprint in try containers.replaced(project: projectName) where withVolumes {
      try volumes.removeAnonymous(of: blueprint, containers)
    }
    try containers.forgetReplaced(project: projectName)
  }

  /// Removes the volumes that came to be with a container which was never finished.
  func removeVolumes(madeFor id: String) throws {
    for volume in try volumes.list() where volume.madeFor == id { try volumes.remove(volume.name) }
  }
}
