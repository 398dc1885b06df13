// The images that services are made from: found here or fetched, before anything is planned.

import Blueprint
import Compose
import Diagnostics
import Images
import Linux
import OCI
import Planning

extension Session {
  /// The images of these services, pulled where their policy asks for it and built where that is what
  /// is left. Each is looked at once. All are kept by one lease that the caller ends.
  func ensureImages(_ services: [Service], pull: PullChoice?, build: BuildChoice) async throws
    -> [ServiceBase]
  {
    let lease = try await blocking { try self.images.lease() }
    do {
      return try await ensureImages(services, pull, build, keepingBy: lease)
    } catch {
      lease.end()
      throw error
    }
  }

  /// What is here of these services' images, and what would have to be fetched or built. Changes nothing.
  func lookForImages(_ services: [Service], pull: PullChoice?, build: BuildChoice) throws
    -> [ServiceOutline]
  {
    try services.map { service in
      let wanted = try wantedImages(service)
      let (found, missing) = try look(for: wanted.map(\.image), pull, build, nil)
      let absent = missing.filter { found[$0] == nil }
      let builds = neededBuilds(wanted.map(\.image), pull: pull, build: build) {
        // A registry may have it.
        found[$0] != nil || absent.contains($0)
      }
      for image in wanted.map(\.image) where found[image.request] == nil {
        if absent.contains(image.request) || image.canBeBuilt(build) { continue }
        throw try noSuchImage(image)
      }
      let base = found[wanted[0].image.request].map { image in
        ServiceBase(
          service: service, image: image,
          mountedImages: wanted.dropFirst().reduce(into: [:]) {
            $0[$1.name] = found[$1.image.request]
          })
      }
      return ServiceOutline(
        service: service, imageID: base.map { "\($0.image.id)" },
        mountedImages: base?.mountedImageDigests ?? "", pulls: absent.map(\.reference.familiar),
        builds: builds.compactMap { build in
          (loaded?.project.buildable(build.service)).map {
            Plan.ImageBuild(image: imageName(of: $0), cause: build.cause)
          }
        })
    }
  }

  private func ensureImages(
    _ services: [Service], _ pull: PullChoice?, _ build: BuildChoice, keepingBy lease: ImageLease
  ) async throws -> [ServiceBase] {
    let wanted = try services.map { try wantedImages($0) }
    let asked = wanted.flatMap { $0.map(\.image) }
    var (found, missing) = try await blocking { try self.look(for: asked, pull, build, lease) }
    let replaceable = Set(asked.filter { $0.canBeBuilt(build) }.map(\.request))
    let results = try await fetch(missing, keepingBy: lease, replaceable: replaceable)
    found.merge(results.compactMapValues { try? $0.get() }) { _, new in new }
    let faults = missing.flatMap { request -> [Diagnostic] in
      guard case .failure(let failure) = results[request], !replaceable.contains(request) else {
        return []
      }
      return failure.diagnostics
    }
    if !faults.isEmpty { throw Faults(faults) }
    let present = Set(found.keys)
    let builds = neededBuilds(asked, pull: pull, build: build, isHere: present.contains)
    if !builds.isEmpty {
      var request = BuildRequest()
      request.services = builds.map(\.service)
      request.isForContainers = true
      _ = try await self.build(request)
      let names = Set(request.services)
      for image in asked where !names.isDisjoint(with: image.builders) {
        found[image.request] = try await blocking { try self.localImage(image.request, lease) }
      }
    }
    tellOtherPlatforms(found)
    return try wanted.map { wanted in
      func here(_ wanted: NamedImage) throws -> LocalImage {
        guard let image = found[wanted.image.request] else { throw try noSuchImage(wanted.image) }
        return image
      }
      var base = ServiceBase(
        service: wanted[0].image.service, image: try here(wanted[0]), lease: lease)
      for mount in wanted.dropFirst() { base.mountedImages[mount.name] = try here(mount) }
      return base
    }
  }

  /// What is here, and what has to be asked for.
  private func look(
    for images: [WantedImage], _ pull: PullChoice?, _ build: BuildChoice, _ lease: ImageLease?
  ) throws -> ([PullRequest: LocalImage], [PullRequest]) {
    var found: [PullRequest: LocalImage] = [:]
    var seen: Set<PullRequest> = []
    var missing: [PullRequest] = []
    for image in images {
      let request = image.request
      if seen.insert(request).inserted { found[request] = try localImage(request, lease) }
      guard image.isNamed, !missing.contains(request) else { continue }
      if mustPull(request, image.policy(pull, build), isHere: found[request] != nil) {
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

  /// The image of a service first, then what it mounts and what its hooks run in.
  private func wantedImages(_ service: Service) throws -> [NamedImage] {
    let own = WantedImage(
      service: service, request: try wanted(imageName(of: service), service), isOwn: true,
      isNamed: service.image != nil, builders: try builders(of: service))
    return [NamedImage(name: "", image: own)]
      + (try mountedImages(service).map { name in
        NamedImage(name: name, image: try mounted(name, service))
      })
  }

  /// Who builds the image of a service: itself, or another one whose image has the same name.
  private func builders(of service: Service) throws -> [String] {
    if service.hasBuild { return [service.name] }
    return try builders(of: imageReference(imageName(of: service), service))
  }

  private func builders(of reference: ImageReference) throws -> [String] {
    try (loaded?.project.services ?? []).filter { other in
      try other.hasBuild && imageReference(imageName(of: other), other) == reference
    }.map(\.name)
  }

  /// Names of images, or of services whose image is meant, that a service mounts, and those that its
  /// hooks run in.
  private func mountedImages(_ service: Service) -> [String] {
    service.mounts.compactMap { mount in
      if case .image(let name, _) = mount.kind { name } else { nil }
    } + service.preStart.compactMap(\.image)
  }

  /// What is mounted is fetched by the rules of the service that mounts it.
  private func mounted(_ name: String, _ service: Service) throws -> WantedImage {
    guard let other = loaded?.project.service(name) else {
      let request = try wanted(name, service)
      return WantedImage(
        service: service, request: request, isOwn: false, isNamed: true,
        builders: try builders(of: request.reference))
    }
    return WantedImage(
      service: service, request: try wanted(imageName(of: other), other), isOwn: false,
      isNamed: other.image != nil, builders: try builders(of: other))
  }

  func wanted(_ image: String, _ service: Service) throws -> PullRequest {
    PullRequest(try imageReference(image, service), platform: try platform(of: service))
  }

  /// That the service or the caller asks for; nil is any that fits.
  func platform(of service: Service) throws -> Platform? {
    try naming(service, at: service.place(of: "platform")) {
      try service.platform.map { try Platform(parsing: $0) } ?? defaultPlatform()
    }
  }

  /// - Parameter attribute: that names it.
  func imageReference(_ image: String, _ service: Service, of attribute: String = "image") throws
    -> ImageReference
  {
    let build = attribute == "image" ? nil : service.build
    return try naming(service, at: build?.place(of: attribute) ?? service.place(of: "image")) {
      try ImageReference(parsing: image)
    }
  }

  func naming<Value>(_ service: Service, at span: SourceSpan?, _ parse: () throws -> Value) throws
    -> Value
  {
    do {
      return try parse()
    } catch let fault as ImageFault {
      let failure = Failure("service `\(service.name)` names no image that there can be", fault)
      throw Faults(
        failure.diagnostics.map { diagnostic in
          var placed = diagnostic
          placed.span = span
          return placed
        })
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

  private func noSuchImage(_ image: WantedImage) throws -> Faults {
    let request = image.request
    let other = try images.resolve(request.reference)
    let name = request.reference.familiar
    let wanted = request.platform.map { " for \($0)" } ?? ""
    return Faults([
      Diagnostic(
        "no such image: \(name)\(other == nil ? "" : wanted)",
        causes: other.map { ["the one that is here is for \($0.platform)"] } ?? [],
        span: image.service.span,
        hint: image.builders.first.map { "build it with `berth build \($0)`" }
          ?? "pull it with `berth pull`, or change the service's pull_policy")
    ])
  }
}

/// An image by the name that a mount or a hook has for it.
private struct NamedImage {
  var name: String
  var image: WantedImage
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
