// Images: found here or fetched, before anything is planned.

import Registry
import Blueprint
import Compose
import Diagnostics
import Host
import Images
import Linux
import OCI
import Store

package struct PullOptions: Sendable {
  package var services: [String] = []
  package var onlyMissing = false
  package var ignoresFailures = false
  package var ignoresBuildable = false
  package var includesDependencies = false

  package init() {}
}

extension Session {
  /// `pull`: the images of services, always asked for anew unless only missing ones are wanted.
  package func pull(_ options: PullOptions) async throws {
    let project = try project()
    let services = try select(
      options.services, from: project, includingDependencies: options.includesDependencies)
    var wanted: [ImageReference] = []
    for service in services {
      guard let image = service.image, !(service.hasBuild && options.ignoresBuildable),
        service.pullPolicy != .never
      else { continue }
      let reference = try reference(image, service)
      if options.onlyMissing, try images.resolve(reference) != nil {
        tell(.progress(ProgressEvent("Image \(image)", "Skipped", .done, detail: "exists")))
        continue
      }
      if !wanted.contains(reference) { wanted.append(reference) }
    }
    do {
      try await fetch(wanted)
    } catch  where options.ignoresFailures {
      tell(.warning(Diagnostic("\(error)", severity: .warning)))
    }
  }

  /// The images of these services, pulled where their policy asks for it. All are kept by one lease
  /// that the caller ends.
  func ensureImages(_ services: [Service], pull: PullChoice?, dryRun: Bool) async throws
    -> [ServiceBase]
  {
    let lease = dryRun ? nil : try await blocking { try self.images.lease() }
    do {
      return try await ensureImages(services, pull, keepingBy: lease)
    } catch {
      lease?.end()
      throw error
    }
  }

  /// - Parameter lease: nil in a dry run.
  private func ensureImages(
    _ services: [Service], _ pull: PullChoice?, keepingBy lease: ImageLease?
  ) async throws -> [ServiceBase] {
    var wanted: [ImageReference] = []
    var references: [ImageReference] = []
    for service in services {
      guard let image = service.image else {
        throw UnsupportedSetting(
          service: service, setting: "building an image",
          hint: "name an image that can be pulled with `image:`")
      }
      let reference = try reference(image, service)
      references.append(reference)
      if !wanted.contains(reference), try needsPull(reference, service, pull, lease) {
        wanted.append(reference)
      }
    }
    if lease == nil, let missing = wanted.first {
      throw Faults([
        Diagnostic(
          "image `\(missing.familiar)` is not here, so the plan cannot be made",
          hint: "run `berth pull` first")
      ])
    }
    try await fetch(wanted, keepingBy: lease)
    return try zip(services, references).map { service, reference in
      guard let image = try image(reference, lease) else {
        throw Faults([
          Diagnostic(
            "no such image: \(reference.familiar)", span: service.span,
            hint: "pull it with `berth pull`, or change the service's pull_policy")
        ])
      }
      return ServiceBase(
        service: service, image: image, configHash: configHash(service), lease: lease)
    }
  }

  private func image(_ reference: ImageReference, _ lease: ImageLease?) throws -> LocalImage? {
    guard let lease else { return try images.resolve(reference) }
    return try images.resolve(reference, keepingBy: lease)
  }

  private func reference(_ image: String, _ service: Service) throws -> ImageReference {
    try refuseOtherPlatform(service)
    do {
      return try ImageReference(parsing: image)
    } catch {
      throw Failure("service `\(service.name)` names no image that there can be", error)
    }
  }

  /// Only images of this machine's kind are pulled and run.
  private func refuseOtherPlatform(_ service: Service) throws {
    guard let text = service.platform else { return }
    guard try Platform(parsing: text).accepts(.host) else {
      throw UnsupportedSetting(
        service: service, setting: "platform `\(text)`",
        hint: "this machine is `\(Platform.host)`; remove the platform, or use an image for it")
    }
  }

  private func needsPull(
    _ reference: ImageReference, _ service: Service, _ choice: PullChoice?, _ lease: ImageLease?
  ) throws -> Bool {
    switch choice {
    case .always: return true
    case .never: return false
    case .missing: return try image(reference, lease) == nil
    case nil: break
    }
    switch service.pullPolicy {
    case .always: return true
    case .never: return false
    case .missing, .build, .every: return try image(reference, lease) == nil
    }
  }

  private func fetch(_ references: [ImageReference], keepingBy lease: ImageLease? = nil)
    async throws
  {
    guard !references.isEmpty else { return }
    let tell = tell
    let client = try RegistryClient(environment: request.environment)
    let puller = ImagePuller(
      images, client: client, unpacker: host.unpacker, parallelLayers: request.transfers)
    try await puller.pull(references.map { PullRequest($0) }, keepingBy: lease) { event in
      if let event = ProgressEvent(event) { tell(.progress(event)) }
    }
  }

  /// One row for each container of the project, in order of name.
  package func containerImages(services: [String]) async throws -> [ContainerImage] {
    try checkNames(services)
    return try await blocking {
      try self.containers.list(project: self.projectName)
        .filter { services.isEmpty || services.contains($0.service) }
        .map { try self.imageRow($0) }
    }
  }

  private func imageRow(_ record: ContainerRecord) throws -> ContainerImage {
    let identity = record.blueprint.image
    // An image that is gone is shown as the container's record names it.
    let image = try images.resolve(id: identity.id)
    let reference = try? ImageReference(parsing: identity.reference)
    return ContainerImage(
      container: record.name, repository: reference?.familiarName ?? identity.reference,
      tag: reference?.tag ?? "<none>", platform: identity.platform, id: identity.id,
      size: image.map { UInt64(max(0, $0.size)) } ?? 0, created: image?.createdAt)
  }
}

extension ProgressEvent {
  /// Nil for what nobody needs to see.
  fileprivate init?(_ event: PullEvent) {
    switch event {
    case .resolving(let reference):
      self.init("Image \(reference.familiar)", "Pulling", .working)
    case .finished(let reference, let outcome, _):
      let detail = outcome == .upToDate ? "up to date" : ""
      self.init("Image \(reference.familiar)", "Pulled", .done, detail: detail)
    case .layer(let reference, let digest, let progress):
      let id = String(digest.hex.prefix(12))
      let parent = "Image \(reference.familiar)"
      switch progress {
      case .waiting: self.init(id, "Waiting", .working, parent: parent)
      case .downloading(let received, let size):
        self.init(
          id, "Downloading", .working, parent: parent, current: UInt64(max(0, received)),
          total: UInt64(max(0, size)))
      case .extracting: self.init(id, "Extracting", .working, parent: parent)
      case .done: self.init(id, "Pull complete", .done, parent: parent)
      case .alreadyExists: self.init(id, "Already exists", .done, parent: parent)
      }
    }
  }
}
