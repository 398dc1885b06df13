// The digests that image names stand for now, asked of their registries.

import Compose
import Diagnostics
import Images
import OCI
import Registry

/// The full name with a digest of each image: that of the index where a registry has one, so that it
/// stays good on other platforms. Names that have a digest are not asked for.
///
/// - Parameter limit: how many registries' answers are waited for at once.
func pinnedNames(
  of images: [String], environment: [String: String], limit: Int
) async throws -> [String: String] {
  let client = try RegistryClient(environment: environment)
  return try await withThrowingTaskGroup(of: (String, String).self) { group in
    var pins: [String: String] = [:]
    var waiting = images[...]
    func start() {
      guard let image = waiting.popFirst() else { return }
      group.addTask { (image, try await pinnedName(of: image, client)) }
    }
    for _ in 0..<max(1, limit) { start() }
    while let (image, pin) = try await group.next() {
      pins[image] = pin
      start()
    }
    return pins
  }
}

private func pinnedName(of image: String, _ client: RegistryClient) async throws -> String {
  do {
    let reference = try ImageReference(parsing: image)
    if let digest = reference.digest { return reference.pinned(to: digest).description }
    let digest: Digest
    if let current = try await client.currentDigest(reference) {
      digest = current
    } else {
      digest = try await client.manifest(reference).digest
    }
    return "\(reference)@\(digest)"
  } catch {
    throw Failure("resolving the digest of image `\(image)`", error)
  }
}
