// What there is now, as far as planning needs to know it.

package import Blueprint

package struct Observed: Hashable, Sendable {
  package var containers: [ObservedContainer]
  package var networks: [ObservedResource]
  package var volumes: [ObservedResource]

  package init(
    containers: [ObservedContainer] = [], networks: [ObservedResource] = [],
    volumes: [ObservedResource] = []
  ) {
    self.containers = containers
    self.networks = networks
    self.volumes = volumes
  }
}

package struct ObservedResource: Hashable, Sendable {
  package var name: String
  package var configHash: String
  /// Made by this project, so that it may be changed and removed.
  package var isOwn: Bool

  package init(name: String, configHash: String = "", isOwn: Bool = true) {
    self.name = name
    self.configHash = configHash
    self.isOwn = isOwn
  }
}

package struct ObservedContainer: Hashable, Sendable {
  package var id: String
  package var name: String
  package var service: String
  package var number: Int
  /// Made by `run`, not by `up`.
  package var isOneOff: Bool
  package var configHash: String
  package var imageID: String
  /// Which images it mounts.
  package var mountedImages = ""
  package var status: ContainerState.Status
  package var networks: [String]
  package var volumes: [String]
  /// A container whose namespaces it joins is not there any more.
  package var hasLostPartner: Bool

  package init(
    id: String, name: String, service: String, number: Int, isOneOff: Bool = false,
    configHash: String = "", imageID: String = "", status: ContainerState.Status = .running,
    networks: [String] = [], volumes: [String] = [], hasLostPartner: Bool = false
  ) {
    self.id = id
    self.name = name
    self.service = service
    self.number = number
    self.isOneOff = isOneOff
    self.configHash = configHash
    self.imageID = imageID
    self.status = status
    self.networks = networks
    self.volumes = volumes
    self.hasLostPartner = hasLostPartner
  }

  /// Of a service that the project does not have, or a one-off that has ended.
  func isOrphan(among services: Set<String>) -> Bool {
    if isOneOff { return status == .exited || status == .dead }
    return !services.contains(service)
  }

  package var isActive: Bool {
    switch status {
    case .running, .paused, .restarting: true
    case .created, .exited, .dead: false
    }
  }
}
