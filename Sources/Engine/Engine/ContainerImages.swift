// `images`: what the containers of a project were made from.

import Blueprint
import Images
import Linux
import OCI
import Store

extension Session {
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
      size: image.map { UInt64(max(0, $0.size)) } ?? 0, created: image?.createdAt,
      taggedAt: image.flatMap { images.taggedAt($0) }.map { Timestamp(nanoseconds: $0) })
  }
}
