// What a killed command or a lost shim left behind, put right before anything else is decided. Only
// this project's things, and only while its lock is held.

import SystemPackage
import Blueprint
import CLinux
import Cgroups
import Diagnostics
import EventLog
import Glibc
package import Host
import Linux
import Networking
import Store

/// How long a lost shim's guard may take to end its group.
private let guardWait = (rounds: 1_600, microseconds: UInt32(5_000))

extension Session {
  func sweep() throws {
    let torn = try containers.torn(project: projectName)
    for container in torn {
      try takeAway(container.id)
      if containers.isHalfMade(container.id) { try removeVolumes(madeFor: container.id) }
      try containers.remove(id: container.id, name: container.name)
    }
    for (lease, record) in try containers.replacements(project: projectName) {
      try settleReplacement(record, lease)
    }
    let running = Set(try namesInFolder(layout.runningContainers).map(\.string))
    for lease in try containers.names()
    where lease.project == projectName && running.contains(lease.id) {
      if FileLock.isHeld(layout.shimLock(lease.id)) { continue }
      try settleLost(lease.id)
    }
    try containers.sweepRemoved()
    try volumes.sweepUnfinished()
    try networks.sweepTorn()
    for network in try networks.list() where network.labels[Label.project] == projectName {
      try networks.sweepLeases(network.name) { containers.exists($0) || isOfBuild($0) }
    }
  }

  /// A container that was made to take the place of another: when that is gone it takes it, else it goes.
  private func settleReplacement(_ record: ContainerRecord, _ lease: String) throws {
    let holder = containers.holder(of: record.name)
    guard let holder, holder != record.id else {
      return try containers.giveName(
        record.name, to: record.id, of: projectName, insteadOf: lease)
    }
    let old = try containers.record(id: holder, project: projectName)
    try remove(
      record.blueprint, withVolumes: true, successor: old.map { .made($0.blueprint) } ?? .none)
    try containers.remove(id: record.id, name: lease)
  }

  /// A container that is about to be removed has no run folder any more, unless its shim was lost
  /// after this command had swept: then what that left goes now, for with the record nobody would find
  /// it again.
  func takeAwayLost(_ id: String) throws {
    waitForGuard(of: id)
    guard layout.running(id).withPlatformString({ access($0, F_OK) }) == 0 else { return }
    try takeAway(id)
  }

  /// A run folder without a shim: the shim was killed. Its end is written down, then what it could
  /// not take with it goes.
  private func settleLost(_ id: String) throws {
    let (state, supervised) = containers.state(of: id)
    guard !supervised else { return }
    waitForGuard(of: id)
    if state.status == .dead { try writeRecord(state, to: layout.exitRecord(id), .volatile) }
    try takeAway(id)
    try removeTree(layout.running(id))
  }

  /// A guard that is still at work, so that two do not end one container.
  func waitForGuard(of id: String) {
    for _ in 0..<guardWait.rounds {
      guard FileLock.isHeld(layout.guardLock(id)) else { return }
      usleep(guardWait.microseconds)
    }
  }

  /// By its record: this command may stand in other groups than the container's shim.
  func openGroup(_ id: String) throws -> Cgroup {
    if let record = try readFile(layout.cgroupRecord(id), limit: 64 << 10), !record.isEmpty {
      return try Cgroup.open(id, record: record)
    }
    // One that was never whole has no blueprint, and never ran.
    let parents = (try? readRecord(ContainerBlueprint.self, at: layout.blueprint(id)))?.sharing
    return try Cgroup.open(
      id, place: try CgroupPlace(parents: parents?.cgroupParent ?? []))
  }

  /// Processes, cgroups, names and ports of a container that nobody watches over.
  func takeAway(_ id: String) throws {
    let group = try openGroup(id)
    try group.kill()
    try group.remove()
    for network in try namesInFolder(layout.run.appending("networks"))
    where !network.string.hasPrefix(".") {
      try removeFile(
        layout.run.appending("networks").appending(network).appending("names").appending(id))
    }
    try networks.unpublish([id])
  }

  /// After a whole `down` nothing of the project stays in the run folder.
  func removeProjectFolder(if wanted: Bool) throws {
    guard wanted, try containers.names().allSatisfy({ $0.project != projectName }) else { return }
    try removeTree(layout.project(projectName))
  }
}

/// The last word of a shim whose container has ended: closes its ports, and removes a one-off that
/// nobody waits for.
package func releaseContainer(_ id: String, host: HostProfile) throws {
  let layout = Layout(state: host.state, run: host.run)
  let networks = NetworkStore(layout: layout)
  // Started again meanwhile: what is open now is the new run's.
  if FileLock.isHeld(layout.shimLock(id)) { return }
  try networks.unpublish([id])
  guard let blueprint = try readBlueprintRecord(at: layout.blueprint(id)),
    blueprint.removeOnExit, !FileLock.isHeld(layout.attached(id))
  else { return }
  try networks.release(blueprint.network.endpoints, container: id)
  let containers = ContainerStore(layout: layout, bootID: host.bootID)
  try containers.remove(id: id, name: blueprint.name)
  try VolumeStore(layout: layout).removeAnonymous(of: blueprint, containers)
  blueprint.project.map { EventLog(run: host.run, project: $0) }?.tellLife("destroy", blueprint)
}
