// What TAB offers of what is on this machine. Nothing here says why it has nothing to offer: there is no
// place for messages behind TAB.

import Blueprint
import CLinux
import Compose
import Glibc
package import Host
import Linux
import Runtime
import Store
import SystemPackage

/// A word with what it stands for.
package struct Offered: Sendable, Hashable {
  package var word: String
  package var description: String

  package init(_ word: String, _ description: String = "") {
    self.word = word
    self.description = description
  }
}

/// Which services a verb can do something with.
package enum ServiceWish: Sendable {
  case all
  case running
  /// One that has a container which does not run.
  case stopped
  case paused
  /// One that has a container.
  case existing
  /// One that has a `build`.
  case buildable

  fileprivate func holds(for record: ContainerRecord) -> Bool {
    switch self {
    case .all, .existing, .buildable: true
    case .running: record.isSupervised && record.state.status != .paused
    case .stopped: !record.isSupervised
    case .paused: record.state.status == .paused
    }
  }
}

package struct Offers: Sendable {
  private let stock: Stock
  private let loaded: LoadedProject?
  /// nil when the files cannot be read and nothing else names the project.
  private let project: String?
  /// Where the project's files are looked for.
  private let folder: String

  package init(_ request: SessionRequest, host: HostProfile) {
    stock = Stock(host)
    folder = request.projectDirectory ?? request.workingDirectory
    let result = try? loadProject(request)
    loaded = result?.0
    project = result?.1 ?? request.projectName
  }

  /// In the order of the file, or by name where there is none that can be read.
  package func services(_ wish: ServiceWish) -> [Offered] {
    let services = (loaded?.project.services ?? []) + (loaded?.project.disabledServices ?? [])
    if case .all = wish, !services.isEmpty {
      return services.map { Offered($0.name, $0.image ?? "") }
    }
    if case .buildable = wish {
      return services.filter(\.hasBuild).map { Offered($0.name, $0.image ?? "") }
    }
    var seen: Set<String> = []
    return records.filter(wish.holds).filter { seen.insert($0.service).inserted }
      .map { Offered($0.service, "\($0.blueprint.image.reference), \($0.state.status.rawValue)") }
  }

  /// The containers of the project; of a folder whose file is broken those that were made from it.
  private var records: [ContainerRecord] {
    // A store that cannot be read has nothing to offer; so below.
    if let project { return (try? stock.containers.list(project: project)) ?? [] }
    return ((try? stock.containers.list()) ?? []).filter {
      $0.blueprint.labels[Label.workingDirectory] == folder
    }
  }

  package var profiles: [Offered] {
    let all = (loaded?.project.services ?? []) + (loaded?.project.disabledServices ?? [])
    return Set(all.flatMap(\.profiles)).sorted().map { Offered($0) } + [Offered("*", "all")]
  }

  package var networks: [Offered] {
    ((try? stock.networks()) ?? []).map { Offered($0.name, $0.driver) }
  }

  package var images: [Offered] { ((try? stock.imageNames()) ?? []).map { Offered($0) } }

  package var volumes: [Offered] { ((try? stock.volumes.list()) ?? []).map { Offered($0.name) } }

  package var containers: [Offered] {
    ((try? stock.containers.names()) ?? []).map { Offered($0.name, $0.project) }
  }

  package var projects: [Offered] {
    ((try? stock.projects()) ?? []).map { project in
      let states = project.states.sorted { $0.key < $1.key }.map { "\($0.key)(\($0.value))" }
      return Offered(project.name, states.joined(separator: ", "))
    }
  }

  /// The ports that a service's containers publish, as they are inside.
  package func ports(of service: String) -> [Offered] {
    var seen: Set<UInt16> = []
    return records.filter { $0.service == service }.flatMap(\.blueprint.network.ports)
      .filter { seen.insert($0.containerPort).inserted }
      .map { Offered("\($0.containerPort)", "\($0.transport.rawValue), host port \($0.hostPort)") }
  }

  /// What is in a folder of a service's first container that begins with the last part of `path`; folders
  /// have a slash at the end. Links are followed as the container follows them, never out of it.
  package func paths(of service: String, beginning path: String) -> [Offered] {
    let cut = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let (folder, beginning) = (String(path[..<cut]), path[cut...])
    let found = records.filter { $0.service == service && !$0.isOneOff }
      .min { ($0.isSupervised ? 0 : 1, $0.number) < ($1.isSupervised ? 0 : 1, $1.number) }
    guard let found else { return [] }
    let entries =
      if found.isSupervised, let pid = found.state.pid {
        (try? entriesInRoot(ofProcess: pid, FilePath(folder))) ?? []
      } else {
        entries(ofStopped: found, FilePath(folder))
      }
    return entries.filter { entry in
      entry.name.hasPrefix(beginning) && (!beginning.isEmpty || !entry.name.hasPrefix("."))
    }.map { Offered(folder + $0.name + ($0.isFolder ? "/" : "")) }
      .sorted { $0.word < $1.word }
  }

  /// Layer by layer, the container's own on top: what one of them has removed is not seen below it.
  private func entries(ofStopped record: ContainerRecord, _ folder: FilePath) -> [RootEntry] {
    let upper = stock.layout.container(record.id).appending("upper")
    let layers = record.blueprint.root.layers.reversed().map { FilePath($0.text) }
    var found: [String: RootEntry] = [:]
    for layer in [upper] + layers {
      for entry in (try? entriesInRoot(layer, folder)) ?? [] where found[entry.name] == nil {
        found[entry.name] = entry
      }
    }
    return found.values.filter { !$0.isWhiteout }
  }
}
