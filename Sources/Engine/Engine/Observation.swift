// What exists now, as a value for the planner.

import Blueprint
import Networking
import Planning
import Store

extension Session {
  /// The project's containers, networks and volumes. Reads files only.
  func observe() throws -> (records: [ContainerRecord], observed: Observed) {
    let records = try containers.list(project: projectName)
    let networks = try networks.list().map { record in
      ObservedResource(
        name: record.name, configHash: record.labels[Label.configHash] ?? "",
        isOwn: record.labels[Label.project] == projectName)
    }
    let volumes = try volumes.list().map { record in
      ObservedResource(
        name: record.name, configHash: record.labels[Label.configHash] ?? "",
        isOwn: record.labels[Label.project] == projectName)
    }
    let observed = records.map { record in
      var container = ObservedContainer(record)
      container.hasLostPartner = record.blueprint.partners.contains { !containers.exists($0) }
      return container
    }
    return (records, Observed(containers: observed, networks: networks, volumes: volumes))
  }
}

extension ContainerRecord {
  package var service: String { blueprint.labels[Label.service] ?? "" }
  package var number: Int { blueprint.labels[Label.number].flatMap { Int($0) } ?? 0 }
  package var isOneOff: Bool { blueprint.labels[Label.oneOff] == "True" }

  /// What it depends on, from its label.
  var dependencies: [String] { labelledDependencies.map(\.service) }

  /// The same with what is asked of each: `db:service_healthy:false,cache:…`.
  var labelledDependencies: [Planning.Dependency] {
    (blueprint.labels[Label.dependsOn] ?? "").split(separator: ",").compactMap { entry in
      let parts = entry.split(separator: ":").map(String.init)
      guard let name = parts.first else { return nil }
      return Planning.Dependency(
        service: name,
        condition: parts.count > 1 ? .init(rawValue: parts[1]) ?? .started : .started,
        restarts: parts.count > 2 && parts[2] == "true")
    }
  }

  /// The name without the project, as logs show it.
  package var displayName: String {
    let isPart = name.hasPrefix(project + "-") || name.hasPrefix(project + "_")
    return isPart ? String(name.dropFirst(project.count + 1)) : name
  }
}

extension ContainerBlueprint {
  /// Among those of its service; what has none comes last.
  var replicaNumber: Int { labels[Label.number].flatMap { Int($0) } ?? .max }
}

extension ObservedContainer {
  init(_ record: ContainerRecord) {
    self.init(
      id: record.id, name: record.name, service: record.service, number: record.number,
      isOneOff: record.isOneOff, configHash: record.blueprint.labels[Label.configHash] ?? "",
      imageID: record.blueprint.image.id, status: record.state.status,
      networks: record.blueprint.network.endpoints.map(\.network),
      volumes: record.blueprint.mounts.compactMap(\.volumeName))
    mountedImages = record.blueprint.labels[Label.mountedImages] ?? ""
  }
}
