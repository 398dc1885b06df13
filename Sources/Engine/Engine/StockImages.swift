// The images of the store as values: listed, filtered, told in full.

package import Blueprint
package import Diagnostics
import Glibc
import Images
package import JSON
import Linux
import OCI
import SystemPackage

/// An image by its names, ids and sizes.
package struct StoredImage: Sendable, Hashable {
  package struct Name: Sendable, Hashable {
    /// As people write it: `busybox`.
    package var repository: String
    package var tag: String?
    /// `sha256:…`.
    package var digest: String?

    package var text: String {
      repository + (tag.map { ":" + $0 } ?? "") + (digest.map { "@" + $0 } ?? "")
    }
  }

  /// `sha256:…`.
  package var id: String
  package var tags: [Name]
  package var digests: [Name]
  package var platform: String
  /// RFC 3339.
  package var created: String?
  /// Bytes of content in its layers.
  package var size: UInt64
  package var labels: [String: String]
}

/// One condition of `--filter`; all must hold.
package enum ImageFilter: Sendable, Hashable {
  case dangling(Bool)
  /// A name with `*` and `?`, with or without a tag.
  case reference(String)
  /// Made before, or after, the image that is called so.
  case before(String)
  case since(String)
  case label(String, value: String?)
  case notLabel(String, value: String?)
  /// Made before this time.
  case until(Timestamp)
}

/// Reads times as images tell them.
package typealias TimeReading = @Sendable (String) -> Timestamp?

extension Stock {
  /// Newest first. With conditions on names only the names that meet one are in the result.
  package func list(_ filters: [ImageFilter], reading time: @escaping TimeReading) async throws
    -> [StoredImage]
  {
    try await blocking {
      let all = try self.images.list()
      let meets = try self.condition(filters, among: all, time)
      let patterns = filters.compactMap { filter in
        if case .reference(let pattern) = filter { pattern } else { nil }
      }
      let kept = all.filter(meets).map { StoredImage($0) }.compactMap { image in
        patterns.isEmpty ? image : image.keepingNames(patterns)
      }
      return kept.sorted { left, right in
        let (first, second) = (left.created.flatMap(time), right.created.flatMap(time))
        return first == second
          ? left.id < right.id : (first?.nanoseconds ?? 0) > (second?.nanoseconds ?? 0)
      }
    }
  }

  /// All names, for completion.
  package func imageNames() throws -> [String] {
    try images.list().flatMap { $0.references + $0.repoDigests }.map(\.familiar)
  }

  func condition(
    _ filters: [ImageFilter], among all: [LocalImage], _ time: @escaping TimeReading
  ) throws -> @Sendable (LocalImage) -> Bool {
    let conditions = try filters.map { try condition($0, among: all, time) }
    return { image in conditions.allSatisfy { $0(image) } }
  }

  private func condition(
    _ filter: ImageFilter, among all: [LocalImage], _ time: @escaping TimeReading
  ) throws -> @Sendable (LocalImage) -> Bool {
    func created(_ name: String) throws -> Timestamp? {
      try findImage(name, among: all).image.createdAt.flatMap(time)
    }
    switch filter {
    case .dangling(let wanted): return { $0.references.isEmpty == wanted }
    case .reference: return { _ in true }  // a condition on names: see `list`
    case .before(let name):
      let limit = try created(name)
      return { image in isEarlier(image.createdAt.flatMap(time), limit) }
    case .since(let name):
      let limit = try created(name)
      return { image in isEarlier(limit, image.createdAt.flatMap(time)) }
    case .until(let limit):
      return { image in isEarlier(image.createdAt.flatMap(time), limit) }
    case .label(let name, let value): return { hasLabel($0, name, value) }
    case .notLabel(let name, let value): return { !hasLabel($0, name, value) }
    }
  }
}

private func isEarlier(_ first: Timestamp?, _ second: Timestamp?) -> Bool {
  guard let first, let second else { return false }
  return first < second
}

private func hasLabel(_ image: LocalImage, _ name: String, _ value: String?) -> Bool {
  guard let found = image.config.labels[name] else { return false }
  return value.map { $0 == found } ?? true
}

extension StoredImage {
  init(_ image: LocalImage) {
    self.init(
      id: image.id.description, tags: image.references.map(Name.init),
      digests: image.repoDigests.map(Name.init), platform: "\(image.platform)",
      created: image.createdAt, size: UInt64(max(0, image.size)), labels: image.config.labels)
  }

  /// Nil when no name is left.
  fileprivate func keepingNames(_ patterns: [String]) -> StoredImage? {
    func isKept(_ name: Name) -> Bool {
      patterns.contains { matches(name.text, $0) || matches(name.repository, $0) }
    }
    var copy = self
    copy.tags = tags.filter(isKept)
    let repositories = Set(copy.tags.map(\.repository))
    copy.digests = digests.filter { isKept($0) || repositories.contains($0.repository) }
    return copy.tags.isEmpty && copy.digests.isEmpty ? nil : copy
  }
}

extension StoredImage.Name {
  init(_ reference: ImageReference) {
    self.init(
      repository: reference.familiarName, tag: reference.tag,
      digest: reference.digest?.description)
  }
}

/// Shell patterns in which `*` stops at a `/`, as in names of paths.
private func matches(_ text: String, _ pattern: String) -> Bool {
  fnmatch(pattern, text, FNM_PATHNAME) == 0
}

// MARK: - In full

/// One step of an image's making, newest first.
package struct ImageStep: Sendable, Hashable {
  /// Of the image that this step ended with, where that is known.
  package var id: String?
  package var created: String?
  package var createdBy: String
  package var comment: String
  package var size: UInt64
}

extension Stock {
  package func history(of name: String) async throws -> [ImageStep] {
    try await blocking {
      let details = try self.details(of: name)
      var sizes = details.layerSizes[...]
      var steps = ImageHistoryEntry.entries(of: details.config).map { entry in
        ImageStep(
          created: entry.created, createdBy: entry.createdBy, comment: entry.comment,
          size: entry.isEmpty ? 0 : UInt64(max(0, sizes.popFirst() ?? 0)))
      }
      // Layers that the history does not tell of.
      while let size = sizes.popFirst() {
        steps.append(
          ImageStep(
            created: details.image.createdAt, createdBy: "", comment: "",
            size: UInt64(max(0, size))))
      }
      steps.reverse()
      if !steps.isEmpty { steps[0].id = details.image.id.description }
      return steps
    }
  }

  private func details(of name: String) throws -> ImageDetails {
    try images.details(of: try findImage(name, among: try images.list()).image)
  }

  /// The images as `docker image inspect` tells them, and what is wrong with the names that are none.
  package func inspect(_ names: [String], stamp: @escaping @Sendable (Timestamp) -> String)
    async throws -> (found: JSONValue, faults: [Diagnostic])
  {
    try await blocking {
      let all = try self.images.list()
      var found: [JSONValue] = []
      var faults: [Diagnostic] = []
      for name in names {
        do throws(ImageNameFault) {
          let image = try findImage(name, among: all).image
          found.append(try self.inspection(image, stamp))
        } catch {
          faults += error.diagnostics
        }
      }
      return (.array(found), faults)
    }
  }

  private func inspection(_ image: LocalImage, _ stamp: (Timestamp) -> String)
    throws(ImageNameFault) -> JSONValue
  {
    let details: ImageDetails
    do {
      details = try images.details(of: image)
    } catch {
      // It went away between the two looks.
      throw .unknown("\(image.id)", nearest: nil)
    }
    let config = details.config
    let layers = image.config.diffIDs.map { JSONValue.string("\($0)") }
    var object: JSONObject = [
      "Id": .string("\(image.id)"),
      "RepoTags": .array(image.references.map { .string($0.familiar) }),
      "RepoDigests": .array(image.repoDigests.map { .string($0.familiar) }),
      "Parent": "", "Comment": .string(ImageHistoryEntry.entries(of: config).last?.comment ?? ""),
      "Created": .string(image.createdAt ?? ""), "DockerVersion": "",
      "Author": .string(image.config.author ?? ""), "Config": config["config"] ?? [:],
      "Architecture": .string(config["architecture"]?.string ?? image.platform.architecture),
    ]
    object["Variant"] = config["variant"]
    object["Os"] = .string(image.platform.os)
    object["Size"] = JSONValue(image.size)
    let lower = image.layers.reversed().map(\.string).joined(separator: ":")
    object["GraphDriver"] = ["Data": ["LowerDir": .string(lower)], "Name": "overlay"]
    object["RootFS"] = ["Type": "layers", "Layers": .array(layers)]
    object["Metadata"] = [
      "LastTagTime": .string(
        details.taggedAt.map { stamp(Timestamp(nanoseconds: $0)) } ?? "0001-01-01T00:00:00Z")
    ]
    return .object(object)
  }
}
