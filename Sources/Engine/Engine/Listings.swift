// What `ls`, `port` and `volumes` show, as values.

import Blueprint
import Compose
import Diagnostics
import Linux
import Store
import SystemPackage

/// A project that has containers on this machine.
package struct ProjectRow: Sendable, Hashable {
  package var name: String
  /// How many containers are in which state, by the state's word.
  package var states: [String: Int]
  /// Its compose files, with commas between; empty when none is known.
  package var files: String

  package var isRunning: Bool { states["running"] != nil }
}

/// A volume of the project.
package struct VolumeRow: Sendable, Hashable {
  package var name: String
  package var labels: [String: String]
  /// The folder that holds its data.
  package var mountpoint: String
}

extension Stock {
  /// By name.
  package func projects() throws -> [ProjectRow] {
    Dictionary(grouping: try containers.list(), by: \.project).map { name, records in
      ProjectRow(
        name: name,
        states: records.reduce(into: [:]) { $0[$1.state.status.rawValue, default: 0] += 1 },
        files: records.lazy.compactMap { $0.blueprint.labels[Label.configFiles] }
          .first { !$0.isEmpty } ?? "")
    }.sorted { $0.name < $1.name }
  }
}

extension Session {
  /// Where a port of a running container is published: `0.0.0.0:8080`.
  package func publishedAddress(
    service: String, index: Int, port: UInt16, transport: String
  ) throws -> String {
    let record = try runningContainer(of: service, index: index)
    let found = record.blueprint.network.ports.first {
      $0.containerPort == port && $0.transport.rawValue == transport
    }
    guard let found else {
      let open = record.blueprint.network.ports.map {
        "\($0.containerPort)/\($0.transport.rawValue)"
      }
      throw Faults([
        Diagnostic(
          "no port \(port)/\(transport) for container \(record.name)",
          hint: open.isEmpty
            ? "it publishes none" : "it publishes \(open.joined(separator: ", "))")
      ])
    }
    let host = found.hostAddress.isEmpty ? "0.0.0.0" : found.hostAddress
    // Without brackets, as the reference prints IPv6.
    return "\(host):\(found.hostPort)"
  }

  /// Those that the project has made; with services those alone that their containers mount.
  package func projectVolumes(services: [String]) throws -> [VolumeRow] {
    let records = try containers.list(project: projectName)
    try checkExistence(of: services, records)
    let mounted = Set(
      records.filter { services.contains($0.service) }.flatMap(\.volumeNames))
    return try volumes.list().filter { volume in
      volume.labels[Label.project] == projectName
        && (services.isEmpty || mounted.contains(volume.name))
    }.map {
      VolumeRow(
        name: $0.name, labels: $0.labels, mountpoint: layout.volumeData($0.name).string)
    }
  }
}
