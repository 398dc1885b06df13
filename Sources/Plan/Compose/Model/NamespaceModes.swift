// Whose namespaces a service's containers have: `pid`, `ipc`, `uts`, `cgroup`, `network_mode`.

/// The container that somebody else's namespaces or volumes are of.
package enum ContainerChoice: Sendable, Hashable {
  /// Of this project.
  case service(String)
  /// Any container of this machine, by name or id.
  case container(String)

  package init?(_ text: String) {
    for (prefix, make) in [("service:", ContainerChoice.service), ("container:", Self.container)]
    where text.hasPrefix(prefix) && text.utf8.count > prefix.utf8.count {
      self = make(String(text.dropFirst(prefix.count)))
      return
    }
    return nil
  }
}

package struct NamespaceModes: Sendable, Hashable {
  package enum Processes: Sendable, Hashable {
    case own
    case host
    case shared(ContainerChoice)

    init?(_ text: String) {
      switch text {
      case "": self = .own
      case "host": self = .host
      default:
        guard let choice = ContainerChoice(text) else { return nil }
        self = .shared(choice)
      }
    }
  }

  package enum Interprocess: Sendable, Hashable {
    case none
    case own
    case shareable
    case host
    case shared(ContainerChoice)

    init?(_ text: String) {
      switch text {
      case "", "private": self = .own
      case "none": self = .none
      case "shareable": self = .shareable
      case "host": self = .host
      default:
        guard let choice = ContainerChoice(text) else { return nil }
        self = .shared(choice)
      }
    }
  }

  package var pid = Processes.own
  package var ipc = Interprocess.own
  package var usesHostUTS = false
  package var usesHostCgroup = false
  /// The folders of `cgroup_parent`, outermost first; empty is berth's own place.
  package var cgroupParent: [String] = []

  package init() {}

  /// Words that are none were told of by `sharingFaults`; they are nothing here.
  init(_ service: Node) {
    pid = Processes(service["pid"]?.text ?? "") ?? .own
    ipc = Interprocess(service["ipc"]?.text ?? "") ?? .own
    usesHostUTS = service["uts"]?.text == "host"
    usesHostCgroup = service["cgroup"]?.text == "host"
    cgroupParent = cgroupFolders(service["cgroup_parent"]?.text ?? "") ?? []
  }
}

extension Service {
  /// The container whose network this service's containers have; nil where it is no other's.
  package var sharedNetwork: ContainerChoice? { networkMode.flatMap { ContainerChoice($0) } }

  /// The one network that the service is on because its `network_mode` names it.
  package var namedNetwork: String? {
    switch networkMode {
    case nil, "", "none", "host": nil
    case "default": "bridge"
    case .some(let mode): sharedNetwork == nil ? mode : nil
    }
  }

  /// The services whose containers must be there first, because their namespaces are joined.
  package var joinedServices: [String] {
    var choices = [sharedNetwork]
    if case .shared(let choice) = namespaces.pid { choices.append(choice) }
    if case .shared(let choice) = namespaces.ipc { choices.append(choice) }
    var names: [String] = []
    for case .service(let name)? in choices where !names.contains(name) { names.append(name) }
    return names
  }
}

/// The folders of a `cgroup_parent`; nil where it names none that there can be. A leading `/` means
/// the same as none: all are below the groups that berth itself stands in.
func cgroupFolders(_ text: String) -> [String]? {
  let deepest = 16
  let parts = text.split(separator: "/").map(String.init)
  guard parts.count <= deepest, parts.first != "berth", text.isEmpty || !parts.isEmpty else {
    return nil
  }
  for part in parts {
    let isPlain = part.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    guard isPlain, part != ".", part != "..", part.utf8.count <= 255 else { return nil }
  }
  return parts
}
