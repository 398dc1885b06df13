// `pull`: the images of services, or images by their names, asked for anew.

import Compose
import Diagnostics
import Host
import Images
import OCI
import Registry

package struct PullOptions: Sendable {
  package var services: [String] = []
  /// Images by name, of no project.
  package var images: [String] = []
  /// Nil is the policy of each service, where none means always.
  package var policy: PullChoice?
  package var ignoresFailures = false
  package var ignoresBuildable = false
  package var includesDependencies = false

  package init() {}
}

/// What `pull` is going to ask for, each image once.
private struct PullList {
  var requests: [PullRequest] = []
  /// The services that could build an image instead.
  var builders: [PullRequest: [String]] = [:]
  /// Images that some service cannot do without.
  var unbuildable: Set<PullRequest> = []

  mutating func add(_ request: PullRequest, _ service: Service? = nil) {
    if !requests.contains(request) { requests.append(request) }
    if let service, service.hasBuild {
      builders[request, default: []].append(service.name)
    } else {
      unbuildable.insert(request)
    }
  }
}

extension Session {
  /// Pulls all that can be, and reports together what could not.
  package func pull(_ options: PullOptions) async throws {
    var list = PullList()
    if options.images.isEmpty || !options.services.isEmpty { try collect(options, into: &list) }
    for image in options.images {
      list.add(
        PullRequest(try ImageReference(parsing: image), platform: try defaultPlatform()))
    }
    let results = try await fetch(list.requests)
    var faults: [Diagnostic] = []
    var builders: [String] = []
    for request in list.requests {
      guard case .failure(let failure) = results[request] else { continue }
      faults += failure.diagnostics
      builders += list.builders[request] ?? []
    }
    if !builders.isEmpty { tell(.warning(mustBeBuilt(builders))) }
    try report(faults, ignoring: options.ignoresFailures)
  }

  /// Throws what failed, all together, or tells it as warnings where failures are to be passed over.
  func report(_ faults: [Diagnostic], ignoring: Bool) throws {
    guard !faults.isEmpty else { return }
    guard ignoring else { throw Faults(faults) }
    warn(Faults(faults))
  }

  private func collect(_ options: PullOptions, into list: inout PullList) throws {
    let project = try project()
    let services = try select(
      options.services, from: project, includingDependencies: options.includesDependencies)
    try refuseUnpullable(services, in: project)
    for service in services {
      guard let image = service.image else {
        skip(service.name, "No image to be pulled")
        continue
      }
      let request = try wanted(image, service)
      if let reason = try reasonToSkip(request, service, options) {
        skip("Image \(request.reference.familiar)", reason)
      } else {
        list.add(request, service)
      }
    }
  }

  private func refuseUnpullable(_ services: [Service], in project: Project) throws {
    let found = project.unsupportedByPull(of: Set(services.map(\.name)))
    if !found.isEmpty { throw Faults(found) }
  }

  /// Nil when the image is to be pulled. Only where `missing` is said is one that is here enough, and
  /// `latest` is never enough: that is what the verb is for.
  private func reasonToSkip(_ request: PullRequest, _ service: Service, _ options: PullOptions)
    throws -> String?
  {
    let policy = options.policy.map(PullPolicy.init) ?? service.pullPolicy
    switch policy {
    case .never, .build: return ""
    case .missing:
      guard options.policy != nil || service.hasPullPolicy, request.reference.tag != "latest",
        try localImage(request, nil) != nil
      else { break }
      return "Image is already present locally"
    case .always, .every: break
    }
    return service.hasBuild && options.ignoresBuildable ? "Image can be built" : nil
  }

  private func skip(_ what: String, _ reason: String) {
    tell(.progress(ProgressEvent(what, "Skipped", .done, detail: reason)))
  }

  private func mustBeBuilt(_ services: [String]) -> Diagnostic {
    let names = services.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      "some service images must be built from source: \(names)", severity: .warning,
      hint: "berth build \(services.joined(separator: " "))")
  }

  /// Brings the images; what became of each.
  ///
  /// - Parameter replaceable: what is built when it cannot be brought.
  func fetch(
    _ requests: [PullRequest], keepingBy lease: ImageLease? = nil,
    replaceable: Set<PullRequest> = []
  ) async throws -> [PullRequest: Result<LocalImage, Failure>] {
    guard !requests.isEmpty else { return [:] }
    let tell = tell
    let buildable = Set(replaceable.map(\.reference))
    let client = try RegistryClient(environment: request.environment)
    let puller = ImagePuller(
      images, client: client, unpacker: host.unpacker,
      machine: .host(processorFlags: HostProfile.processorFlags()),
      parallelLayers: request.transfers)
    return try await puller.results(of: requests, keepingBy: lease) { event in
      var progress = ProgressEvent(event)
      if case .failed(let reference) = event, buildable.contains(reference) {
        (progress.status, progress.phase) = ("Warning", .warning)
      }
      tell(.progress(progress))
    }
  }
}

extension ProgressEvent {
  fileprivate init(_ event: PullEvent) {
    switch event {
    case .resolving(let reference):
      self.init("Image \(reference.familiar)", "Pulling", .working)
    case .finished(let reference, _, _):
      self.init("Image \(reference.familiar)", "Pulled", .done)
    case .failed(let reference):
      self.init("Image \(reference.familiar)", "Error", .error)
    case .layer(let reference, let digest, let progress):
      let id = String(digest.hex.prefix(12))
      let parent = "Image \(reference.familiar)"
      switch progress {
      case .waiting(let size):
        self.init(
          id, "Pulling fs layer", .working, parent: parent, current: 0,
          total: UInt64(max(0, size)))
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
