// The images that services are made from: found here or fetched, before anything is planned.

import Blueprint
import Compose
import Diagnostics
import Images
import Linux
import OCI

extension Session {
  /// The images of these services, pulled where their policy asks for it. Each is looked at once. All
  /// are kept by one lease that the caller ends.
  func ensureImages(_ services: [Service], pull: PullChoice?) async throws -> [ServiceBase] {
    let lease = try await blocking { try self.images.lease() }
    do {
      return try await ensureImages(services, pull, keepingBy: lease)
    } catch {
      lease.end()
      throw error
    }
  }

  /// What is here of these services' images, and what would have to be fetched. Changes nothing.
  func lookForImages(_ services: [Service], pull: PullChoice?) throws -> [ServiceOutline] {
    try services.map { service in
      let own = try wanted(of: service)
      let mounts = try mountedImages(service).map { (name: $0, request: try mounted($0, service)) }
      let asked = [own] + mounts.map(\.request)
      let (found, missing) = try look(for: asked, asked.map { _ in service }, pull, nil)
      let absent = missing.filter { found[$0] == nil }
      if let none = asked.first(where: { found[$0] == nil && !absent.contains($0) }) {
        throw try noSuchImage(none, service)
      }
      let base = found[own].map { image in
        ServiceBase(
          service: service, image: image,
          mountedImages: mounts.reduce(into: [:]) { $0[$1.name] = found[$1.request] })
      }
      return ServiceOutline(
        service: service, imageID: base.map { "\($0.image.id)" },
        mountedImages: base?.mountedImageDigests ?? "", pulls: absent.map(\.reference.familiar))
    }
  }

  private func ensureImages(
    _ services: [Service], _ pull: PullChoice?, keepingBy lease: ImageLease
  ) async throws -> [ServiceBase] {
    let requests = try services.map { try wanted(of: $0) }
    let mounts = try services.map { service in
      try mountedImages(service).map { (name: $0, request: try mounted($0, service)) }
    }
    // What is mounted is fetched by the rules of the service that mounts it.
    let askers =
      services + zip(services, mounts).flatMap { service, mounts in mounts.map { _ in service } }
    let asked = requests + mounts.flatMap { $0.map(\.request) }
    var (found, missing) = try await blocking {
      try self.look(for: asked, askers, pull, lease)
    }
    let results = try await fetch(missing, keepingBy: lease)
    found.merge(results.compactMapValues { try? $0.get() }) { _, new in new }
    let faults = missing.flatMap { request -> [Diagnostic] in
      guard case .failure(let failure) = results[request] else { return [] }
      return failure.diagnostics
    }
    if !faults.isEmpty { throw Faults(faults) }
    tellOtherPlatforms(found)
    return try zip(zip(services, requests), mounts).map { pair, mounts in
      let (service, request) = pair
      guard let image = found[request] else { throw try noSuchImage(request, service) }
      var base = ServiceBase(service: service, image: image, lease: lease)
      for mount in mounts {
        guard let image = found[mount.request] else {
          throw try noSuchImage(mount.request, service)
        }
        base.mountedImages[mount.name] = image
      }
      return base
    }
  }

  /// What is here, and what has to be asked for.
  private func look(
    for requests: [PullRequest], _ services: [Service], _ choice: PullChoice?, _ lease: ImageLease?
  ) throws -> ([PullRequest: LocalImage], [PullRequest]) {
    var found: [PullRequest: LocalImage] = [:]
    var seen: Set<PullRequest> = []
    var missing: [PullRequest] = []
    for (service, request) in zip(services, requests) {
      if seen.insert(request).inserted { found[request] = try localImage(request, lease) }
      let policy = choice.map(PullPolicy.init) ?? service.pullPolicy
      if !missing.contains(request), mustPull(request, policy, isHere: found[request] != nil) {
        missing.append(request)
      }
    }
    return (found, missing)
  }

  private func mustPull(_ request: PullRequest, _ policy: PullPolicy, isHere: Bool) -> Bool {
    switch policy {
    case .always: return true
    case .never, .build: return false
    case .missing: return !isHere
    case .every(let period):
      guard isHere, request.reference.digest == nil else { return !isHere }
      return isDue(
        lastCheck: images.lastCheck(of: request.reference),
        now: Self.now().nanoseconds / 1_000_000_000, period: period)
    }
  }

  /// What the reference stands for here, where it fits the platform that was asked for.
  func localImage(_ request: PullRequest, _ lease: ImageLease?) throws -> LocalImage? {
    let image =
      if let lease {
        try images.resolve(request.reference, keepingBy: lease)
      } else {
        try images.resolve(request.reference)
      }
    guard let image, let platform = request.platform else { return image }
    return platform.accepts(image.platform) ? image : nil
  }

  private func wanted(of service: Service) throws -> PullRequest {
    guard let image = service.image else {
      throw UnsupportedSetting(
        service: service, setting: "building an image",
        hint: "name an image that can be pulled with `image:`")
    }
    return try wanted(image, service)
  }

  /// Names of images, or of services whose image is meant, that a service mounts, and those that its
  /// hooks run in.
  private func mountedImages(_ service: Service) -> [String] {
    service.mounts.compactMap { mount in
      if case .image(let name, _) = mount.kind { name } else { nil }
    } + service.preStart.compactMap(\.image)
  }

  private func mounted(_ name: String, _ service: Service) throws -> PullRequest {
    guard let other = loaded?.project.service(name) else { return try wanted(name, service) }
    return try wanted(of: other)
  }

  func wanted(_ image: String, _ service: Service) throws -> PullRequest {
    let platform = try naming(service) {
      try service.platform.map { try Platform(parsing: $0) } ?? defaultPlatform()
    }
    return PullRequest(try imageReference(image, service), platform: platform)
  }

  func imageReference(_ image: String, _ service: Service) throws -> ImageReference {
    try naming(service) { try ImageReference(parsing: image) }
  }

  private func naming<Value>(_ service: Service, _ parse: () throws -> Value) throws -> Value {
    do {
      return try parse()
    } catch let fault as ImageFault {
      throw Failure("service `\(service.name)` names no image that there can be", fault)
    }
  }

  /// DOCKER_DEFAULT_PLATFORM, for what says nothing of its own.
  func defaultPlatform() throws -> Platform? {
    let name = "DOCKER_DEFAULT_PLATFORM"
    guard let text = loaded?.environment[name] ?? request.environment[name], !text.isEmpty else {
      return nil
    }
    do throws(ImageFault) { return try Platform(parsing: text) } catch {
      throw Failure("`\(name)` cannot be used", error)
    }
  }

  private func tellOtherPlatforms(_ images: [PullRequest: LocalImage]) {
    let others = images.filter { $0.key.platform == nil && !$0.value.platform.isNative }
    for (request, image) in others.sorted(by: {
      $0.key.reference.familiar < $1.key.reference.familiar
    }) {
      tell(
        .warning(
          Diagnostic(
            "image `\(request.reference.familiar)`: the requested image's platform "
              + "(\(image.platform)) does not match the detected host platform (\(Platform.host)) "
              + "and no specific platform was requested", severity: .warning,
            hint: "`platform: \(image.platform)` says that it is meant")))
    }
  }

  private func noSuchImage(_ request: PullRequest, _ service: Service) throws -> Faults {
    let other = try images.resolve(request.reference)
    let name = request.reference.familiar
    let wanted = request.platform.map { " for \($0)" } ?? ""
    return Faults([
      Diagnostic(
        "no such image: \(name)\(other == nil ? "" : wanted)",
        causes: other.map { ["the one that is here is for \($0.platform)"] } ?? [],
        span: service.span,
        hint: "pull it with `berth pull`, or change the service's pull_policy")
    ])
  }
}

/// Whether a registry is to be asked again. A time that lies in the future, as after a clock was put
/// right, says nothing: then it is.
func isDue(lastCheck: Int64?, now: Int64, period: Duration) -> Bool {
  guard let lastCheck, lastCheck <= now else { return true }
  let (age, isTooLong) = now.subtractingReportingOverflow(lastCheck)
  return isTooLong || .seconds(age) >= period
}

extension PullPolicy {
  init(_ choice: PullChoice) {
    self =
      switch choice {
      case .always: .always
      case .missing: .missing
      case .never: .never
      case .build: .build
      }
  }
}
