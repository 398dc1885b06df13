// What a container shares with the host or with another container beside the network, and where its
// control group stands. Containers are named by id: names were looked up when it was made.

package struct NamespacesBlueprint: Codable, Hashable, Sendable {
  package enum Processes: Codable, Hashable, Sendable {
    case own
    case host
    /// The processes of another container, by its id.
    case container(String)
  }

  /// The ipc namespace and, with it, /dev/shm and /dev/mqueue.
  package enum Interprocess: Codable, Hashable, Sendable {
    /// An own one, without /dev/shm and /dev/mqueue.
    case none
    case own
    /// An own one that other containers may join.
    case shareable
    case host
    /// That of another container, by its id.
    case container(String)
  }

  package enum Scope: String, Codable, Sendable {
    case own
    case host
  }

  package var pid = Processes.own
  package var ipc = Interprocess.own
  package var uts = Scope.own
  package var cgroup = Scope.own
  /// Folders from the hierarchies' own base down to where the container's group is made; empty is
  /// berth's own place.
  package var cgroupParent: [String] = []

  package init() {}
}

extension ContainerBlueprint {
  /// `namespaces`, or all its own where nothing is said.
  package var sharing: NamespacesBlueprint { namespaces ?? NamespacesBlueprint() }

  /// The ids of the containers that must run before this one can.
  package var partners: [String] {
    var ids: [String] = []
    if case .container(let id) = network.mode { ids.append(id) }
    if case .container(let id) = sharing.pid { ids.append(id) }
    if case .container(let id) = sharing.ipc { ids.append(id) }
    return ids
  }
}
