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
  /// Images that are mounted or that hooks run in, by the name that the file has for them.
  var mountedImages: [String: LocalImage] = [:]
  /// Keeps the image until a container that is made from it does.
  var lease: ImageLease?

  /// What the label of mounted images says.
  var mountedImageDigests: String {
    mountedImages.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.id)" }
      .joined(separator: ",")
  }
}

/// What planning needs to know of a service's images: also of those that are not here yet.
struct ServiceOutline: Sendable {
  var service: Service
  /// Nil: it has to be fetched first.
  var imageID: String?
  var mountedImages: String
  /// Images that have to be fetched.
  var pulls: [String] = []
  var builds: [Plan.ImageBuild] = []
}

extension ServiceOutline {
  init(_ base: ServiceBase) {
    self.init(
      service: base.service, imageID: "\(base.image.id)",
      mountedImages: base.mountedImageDigests)
  }
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

  func desired(_ outlines: [ServiceOutline], of project: Project, options: UpOptions)
    -> DesiredProject
  {
    let present = Set(outlines.map(\.service.name))
    let services = outlines.map { outline in
      let service = outline.service
      var desired = DesiredService(
        name: service.name, replicas: options.scale[service.name] ?? service.replicas,
        containerName: service.containerName, configHash: configHash(service),
        imageID: outline.imageID,
        dependencies: service.dependsOn.filter { present.contains($0.service) }
          .map(Planning.Dependency.init),
        networks: networkNames(of: service, in: project),
        volumes: volumeNames(of: service, in: project),
        joins: service.joinedServices.filter(present.contains),
        volumeSources: service.volumeServices.filter(present.contains))
      desired.mountedImages = outline.mountedImages
      return desired
    }
    let usedNetworks = Set(services.flatMap(\.networks))
    let usedVolumes = Set(services.flatMap(\.volumes))
    let keepsUnused = request.keepsUnusedResources
    var desired = DesiredProject(
      name: projectName, services: services,
      networks: project.networks.filter { keepsUnused || usedNetworks.contains($0.name) }.map {
        DesiredResource(
          name: $0.name, configHash: Digest(of: $0.configHashInput).hex, isExternal: $0.isExternal)
      },
      volumes: project.volumes.filter { keepsUnused || usedVolumes.contains($0.name) }.map {
        DesiredResource(
          name: $0.name, configHash: Digest(of: $0.configHashInput).hex, isExternal: $0.isExternal)
      })
    desired.separator = separator
    return desired
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
