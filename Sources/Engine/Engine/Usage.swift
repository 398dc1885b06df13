// What containers use and which processes they have: `stats` and `top`.

package import Blueprint
import Cgroups
import CLinux
import Glibc
import Linux
package import Store

/// The processes of one container.
package struct ContainerProcesses: Sendable {
  package var record: ContainerRecord
  package var rows: [ProcessRow]
}

/// What one container uses; nil where it does not run.
package struct ContainerUsage: Sendable {
  package var record: ContainerRecord
  package var usage: ResourceUsage?
  /// On the monotonic clock, in nanoseconds: when it was counted.
  package var countedAt: Int64
}

extension Session {
  /// Of the containers of the services that run, one-offs among them.
  package func processes(services: [String]) throws -> [ContainerProcesses] {
    let records = try containers.list(project: projectName)
    try checkExistence(of: services, records)
    return try records.filter {
      $0.isSupervised && (services.isEmpty || services.contains($0.service))
    }.map { record in
      note("top", record.blueprint)
      return ContainerProcesses(record: record, rows: try openGroup(record.id).processTable())
    }
  }

  /// Of the containers of a service, or of all.
  package func usage(service: String?, includesStopped: Bool) throws -> [ContainerUsage] {
    let records = try containers.list(project: projectName)
    try checkExistence(of: service.map { [$0] } ?? [], records)
    return try records.filter { record in
      (includesStopped || record.isSupervised) && (service == nil || record.service == service)
    }.map { record in
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      let counted = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
      let usage =
        record.isSupervised ? try openGroup(record.id).usage(pid: record.state.pid) : nil
      return ContainerUsage(record: record, usage: usage, countedAt: counted)
    }
  }
}
