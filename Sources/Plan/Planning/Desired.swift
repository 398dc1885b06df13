// What the project wants, as far as planning needs to know it.

package struct DesiredProject: Hashable, Sendable {
  package var name: String
  package var services: [DesiredService]
  /// Only those that a service uses.
  package var networks: [DesiredResource]
  package var volumes: [DesiredResource]
  /// Stands between the parts of a container's name: `_` with `--compatibility`.
  package var separator = "-"

  package init(
    name: String, services: [DesiredService], networks: [DesiredResource] = [],
    volumes: [DesiredResource] = []
  ) {
    self.name = name
    self.services = services
    self.networks = networks
    self.volumes = volumes
  }
}

/// A network or a volume.
package struct DesiredResource: Hashable, Sendable {
  /// The full name: `shop_default`.
  package var name: String
  package var configHash: String
  /// Exists outside of the project: never made, changed or removed.
  package var isExternal: Bool

  package init(name: String, configHash: String = "", isExternal: Bool = false) {
    self.name = name
    self.configHash = configHash
    self.isExternal = isExternal
  }
}

package struct DesiredService: Hashable, Sendable {
  package var name: String
  package var replicas: Int
  /// From `container_name`; allows one replica only.
  package var containerName: String?
  package var configHash: String
  /// Nil: it is not known before the image has been fetched.
  package var imageID: String?
  /// Which images it mounts.
  package var mountedImages = ""
  package var dependencies: [Dependency]
  package var networks: [String]
  package var volumes: [String]
  /// Services whose containers' namespaces its own join.
  package var joins: [String]
  /// Services whose containers' volumes its own mount (`volumes_from`).
  package var volumeSources: [String]

  package init(
    name: String, replicas: Int = 1, containerName: String? = nil, configHash: String,
    imageID: String?, dependencies: [Dependency] = [], networks: [String] = [],
    volumes: [String] = [], joins: [String] = [], volumeSources: [String] = []
  ) {
    self.name = name
    self.replicas = replicas
    self.containerName = containerName
    self.configHash = configHash
    self.imageID = imageID
    self.dependencies = dependencies
    self.networks = networks
    self.volumes = volumes
    self.joins = joins
    self.volumeSources = volumeSources
  }

  /// Services whose containers are made before this one's, and anew only with them.
  var partners: [String] { joins + volumeSources }
}

/// `depends_on`: what must be true of another service before this one starts.
package struct Dependency: Hashable, Sendable {
  package enum Condition: String, Hashable, Sendable {
    case started = "service_started"
    case healthy = "service_healthy"
    case completed = "service_completed_successfully"
  }

  package var service: String
  package var condition: Condition
  /// False: when the other service fails, this one starts all the same.
  package var isRequired: Bool
  /// Started again when the other service was made anew.
  package var restarts: Bool

  package init(
    service: String, condition: Condition = .started, isRequired: Bool = true,
    restarts: Bool = false
  ) {
    self.service = service
    self.condition = condition
    self.isRequired = isRequired
    self.restarts = restarts
  }
}
