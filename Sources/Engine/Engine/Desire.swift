// The compose project as the planner needs to know it.

import Blueprint
import Compose
import Diagnostics
import Images
import OCI
import Planning

/// What a service is made from, found before anything is planned.
struct ServiceBase: Sendable {
  var service: Service
  var image: LocalImage
  var configHash: String
  /// Images that are mounted or that hooks run in, by the name that the file has for them.
  var mountedImages: [String: LocalImage] = [:]
  /// Keeps the image until a container that is made from it does. Nil in a dry run, which makes none.
  var lease: ImageLease?
}

extension Session {
  /// The services that were named and, unless told otherwise, all that they depend on; in the order
  /// of the file. Empty `names` is every enabled service.
  func select(_ names: [String], from project: Project, includingDependencies: Bool) throws
    -> [Service]
  {
    let all = project.services.map(\.name)
    for name in names where project.service(name) == nil {
      if project.disabledServices.contains(where: { $0.name == name }) { continue }
      throw NoSuchService(name: name, known: all)
    }
    guard !names.isEmpty else { return project.services }
    var wanted = Set(names)
    var queue = names
    while includingDependencies, let name = queue.popLast() {
      for dependency in project.service(name)?.dependsOn ?? []
      where wanted.insert(dependency.service).inserted {
        queue.append(dependency.service)
      }
    }
    return project.services.filter { wanted.contains($0.name) }
  }

  func configHash(_ service: Service) -> String {
    Digest(of: service.configHashInput).hex
  }

  func desired(_ bases: [ServiceBase], of project: Project, options: UpOptions) -> DesiredProject {
    let present = Set(bases.map(\.service.name))
    let services = bases.map { base in
      DesiredService(
        name: base.service.name,
        replicas: options.scale[base.service.name] ?? base.service.replicas,
        containerName: base.service.containerName, configHash: base.configHash,
        imageID: "\(base.image.id)",
        dependencies: base.service.dependsOn.filter { present.contains($0.service) }
          .map(Planning.Dependency.init),
        networks: networkNames(of: base.service, in: project),
        volumes: volumeNames(of: base.service, in: project),
        joins: base.service.joinedServices.filter(present.contains),
        volumeSources: base.service.volumeServices.filter(present.contains))
    }
    let usedNetworks = Set(services.flatMap(\.networks))
    let usedVolumes = Set(services.flatMap(\.volumes))
    let keepsUnused = request.keepsUnusedResources
    return DesiredProject(
      name: projectName, services: services,
      networks: project.networks.filter { keepsUnused || usedNetworks.contains($0.name) }.map {
        DesiredResource(
          name: $0.name, configHash: Digest(of: $0.configHashInput).hex, isExternal: $0.isExternal)
      },
      volumes: project.volumes.filter { keepsUnused || usedVolumes.contains($0.name) }.map {
        DesiredResource(
          name: $0.name, configHash: Digest(of: $0.configHashInput).hex, isExternal: $0.isExternal)
      })
  }

  /// Full names of the networks that a service is on.
  func networkNames(of service: Service, in project: Project) -> [String] {
    attachments(of: service, in: project).map(\.name)
  }

  func volumeNames(of service: Service, in project: Project) -> [String] {
    service.mounts.compactMap { mount in
      guard case .volume(let key?, _, _) = mount.kind else { return nil }
      return project.volume(key)?.name
    }
  }
}

extension Planning.Dependency {
  init(_ dependency: Compose.Dependency) {
    let condition: Condition =
      switch dependency.condition {
      case .started: .started
      case .healthy: .healthy
      case .completed: .completed
      }
    self.init(
      service: dependency.service, condition: condition, isRequired: dependency.isRequired,
      restarts: dependency.restarts)
  }
}
