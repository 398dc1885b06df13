// `push`: images of the store to their registries, by service or by name.

import Compose
import Diagnostics
import Images
import Linux
import OCI
import Registry

package struct PushOptions: Sendable {
  /// Services, and images by name; empty is all services.
  package var names: [String] = []
  package var ignoresFailures = false
  package var includesDependencies = false

  package init() {}
}

/// A tag, and what it stands for in its registry now.
package struct PushedName: Hashable, Sendable {
  package var name: String
  package var digest: String
  /// Bytes.
  package var manifestSize: Int
}

/// No service is called so: an argument like this names an image.
package func isImageName(_ text: String) -> Bool {
  text.utf8.contains {
    $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "@")
  }
}

extension Session {
  /// Pushes the images of services that are built and named, and the named images.
  package func push(_ options: PushOptions) async throws -> [PushedName] {
    let named = try options.names.filter(isImageName).map { try ImageReference(parsing: $0) }
    let services = options.names.filter { !isImageName($0) }
    var references = named
    if named.isEmpty || !services.isEmpty {
      for service in try select(
        services, from: project(), includingDependencies: options.includesDependencies)
      {
        guard service.hasBuild, let image = service.image else {
          tell(.progress(ProgressEvent("Service \(service.name)", "Skipped", .done)))
          continue
        }
        for name in [image] + service.buildTags { references.append(try reference(name, service)) }
      }
    }
    return try await pushImages(
      references, of: Stock(host), environment: request.environment, transfers: request.transfers,
      ignoringFailures: options.ignoresFailures, events: tell)
  }

  private func reference(_ image: String, _ service: Service) throws -> ImageReference {
    do {
      return try ImageReference(parsing: image)
    } catch {
      throw Failure("service `\(service.name)` names no image that there can be", error)
    }
  }
}

/// Pushes images by name, without a project.
package func push(
  _ names: [String], of stock: Stock, request: SessionRequest, ignoringFailures: Bool,
  events: @escaping EventSink
) async throws -> [PushedName] {
  try await pushImages(
    try names.map { try ImageReference(parsing: $0) }, of: stock, environment: request.environment,
    transfers: request.transfers, ignoringFailures: ignoringFailures, events: events)
}

/// - Returns: what was pushed, each once, in the order of the references.
/// - Throws: all that failed together, or tells it as warnings.
private func pushImages(
  _ references: [ImageReference], of stock: Stock, environment: [String: String], transfers: Int,
  ignoringFailures: Bool, events: @escaping EventSink
) async throws -> [PushedName] {
  var wanted: [ImageReference] = []
  for reference in references where !wanted.contains(reference) { wanted.append(reference) }
  guard !wanted.isEmpty else { return [] }
  let client = try await blocking { try RegistryClient(environment: environment) }
  let pusher = ImagePusher(stock.images, client: client, parallelBlobs: transfers)
  let results = try await pusher.push(wanted) { event in
    if let event = ProgressEvent(event) { events(.progress(event)) }
  }
  var pushed: [PushedName] = []
  var faults: [Diagnostic] = []
  for (reference, result) in zip(wanted, results) {
    switch result {
    case .success(let image):
      pushed.append(
        PushedName(
          name: reference.familiar, digest: image.digest.description, manifestSize: image.size))
    case .failure(let error):
      let failure = Failure("image `\(reference.familiar)` cannot be pushed", error)
      events(.progress(ProgressEvent("Image \(reference.familiar)", "Error", .error)))
      faults += failure.diagnostics
    }
  }
  guard !faults.isEmpty else { return pushed }
  guard ignoringFailures else { throw Faults(faults) }
  for fault in faults {
    var warning = fault
    warning.severity = .warning
    events(.warning(warning))
  }
  return pushed
}

extension ProgressEvent {
  /// Nil for what nobody needs to see.
  fileprivate init?(_ event: PushEvent) {
    switch event {
    case .preparing(let reference):
      self.init("Image \(reference.familiar)", "Pushing", .working)
    case .finished(let reference): self.init("Image \(reference.familiar)", "Pushed", .done)
    case .blob(let reference, let digest, let progress):
      let id = String(digest.hex.prefix(12))
      let parent = "Image \(reference.familiar)"
      switch progress {
      case .waiting: self.init(id, "Waiting", .working, parent: parent)
      case .pushing(let sent, let size):
        self.init(
          id, "Pushing", .working, parent: parent, current: UInt64(max(0, sent)),
          total: UInt64(max(0, size)))
      case .alreadyExists: self.init(id, "Layer already exists", .done, parent: parent)
      case .mounted(let source):
        self.init(id, "Mounted from \(source)", .done, parent: parent)
      case .done: self.init(id, "Pushed", .done, parent: parent)
      }
    }
  }
}
