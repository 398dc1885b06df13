// `push`: images of the store to their registries, by service or by name.

import Compose
import Diagnostics
import Images
import Linux
import OCI
import Registry

package struct PushOptions: Sendable {
  /// Empty is all, where no image is named.
  package var services: [String] = []
  /// Images by name, of no project.
  package var images: [String] = []
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

extension Session {
  /// Pushes the images of services that are built and named, and the named images.
  package func push(_ options: PushOptions) async throws -> [PushedName] {
    var references = try options.images.map { try ImageReference(parsing: $0) }
    if options.images.isEmpty || !options.services.isEmpty {
      for service in try select(
        options.services, from: project(), includingDependencies: options.includesDependencies)
      {
        guard service.hasBuild, let image = service.image else {
          let reason = service.hasBuild ? "No image to be pushed" : "Image is not built here"
          tell(.progress(ProgressEvent(service.name, "Skipped", .done, detail: reason)))
          continue
        }
        for name in [image] + (service.build?.tags ?? []) {
          references.append(try imageReference(name, service))
        }
      }
    }
    return try await push(references, ignoringFailures: options.ignoresFailures)
  }

  /// - Returns: what was pushed, each once, in the order of the references.
  /// - Throws: all that failed together, or tells it as warnings.
  private func push(_ references: [ImageReference], ignoringFailures: Bool) async throws
    -> [PushedName]
  {
    var wanted: [ImageReference] = []
    for reference in references where !wanted.contains(reference) { wanted.append(reference) }
    guard !wanted.isEmpty else { return [] }
    let environment = request.environment
    let client = try await blocking { try RegistryClient(environment: environment) }
    let pusher = ImagePusher(images, client: client, parallelBlobs: request.transfers)
    let tell = tell
    let results = try await pusher.push(wanted) { event in
      if let event = ProgressEvent(event) { tell(.progress(event)) }
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
        tell(.progress(ProgressEvent("Image \(reference.familiar)", "Error", .error)))
        faults += failure.diagnostics
      }
    }
    try report(faults, ignoring: ignoringFailures)
    return pushed
  }
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
