// Taking names and images out of the store as the reference's `rmi` and `image prune` do. Images have no
// parents here: what an image was built on is kept by its own name or not at all.

package import Diagnostics
package import OCI

package enum RemovalStep: Sendable, Hashable {
  case untagged(ImageReference)
  /// An image by its id, or a layer by its chain id.
  case deleted(Digest)
}

package enum RemovalFault: Diagnosable, Hashable {
  case nameInUse(ImageReference, container: String, id: Digest)
  case imageInUse(Digest, container: String)
  case imageRunning(Digest, container: String)
  case severalNames(Digest, [ImageReference])

  package var diagnostics: [Diagnostic] {
    switch self {
    case .nameInUse(let reference, let container, let id):
      [
        Diagnostic(
          "conflict: unable to remove `\(reference.familiar)` (must be forced): container "
            + "`\(container)` is using its image \(id.short)",
          hint: "remove the container first; -f takes the name away and keeps the image for it")
      ]
    case .imageInUse(let id, let container):
      [
        Diagnostic(
          "conflict: unable to delete \(id.short) (must be forced): image is being used by stopped "
            + "container `\(container)`",
          hint: "remove the container first; -f takes the names away and keeps the image for it")
      ]
    case .imageRunning(let id, let container):
      [
        Diagnostic(
          "conflict: unable to delete \(id.short) (cannot be forced): image is being used by "
            + "running container `\(container)`", hint: "stop and remove the container first")
      ]
    case .severalNames(let id, let names):
      [
        Diagnostic(
          "conflict: unable to delete \(id.short) (must be forced): image has several names: "
            + names.map { "`\($0.familiar)`" }.joined(separator: ", "),
          hint: "name the one to remove, or remove all with -f")
      ]
    }
  }
}

extension ImageStore {
  /// Removes the name that `argument` is; with its last name, or by id, the image. One that a container
  /// uses stays, without names, when that is forced. Blocks.
  package func remove(_ argument: String, force: Bool, usedBy users: ImageUsers) throws
    -> [RemovalStep]
  {
    try collecting(usedBy: users) { census in
      let found = try findImage(argument, among: census.images)
      switch found.way {
      case .name(let name): return try removeName(name, of: found.image, force, &census)
      case .id: return try removeImage(found.image, force, &census)
      }
    }.value
  }

  private func removeName(
    _ name: ImageReference, of image: LocalImage, _ force: Bool, _ census: inout Census
  ) throws -> [RemovalStep] {
    let users = census.users(of: image.id)
    if !force, image.hasOneName, let user = users.first {
      throw RemovalFault.nameInUse(name, container: user.name, id: image.id)
    }
    var leaving = [name]
    let siblings = image.references.filter { $0 != name && $0.pinnedName == name.pinnedName }
    if name.digest == nil, siblings.isEmpty {
      leaving += image.repoDigests.filter { $0.pinnedName == name.pinnedName }
    }
    return try remove(leaving, of: image, isUsed: !users.isEmpty, &census)
  }

  private func removeImage(_ image: LocalImage, _ force: Bool, _ census: inout Census) throws
    -> [RemovalStep]
  {
    let users = census.users(of: image.id)
    if let user = users.first(where: \.isRunning) {
      throw RemovalFault.imageRunning(image.id, container: user.name)
    }
    if !force {
      guard image.hasOneName else {
        throw RemovalFault.severalNames(image.id, image.references + image.repoDigests)
      }
      if let user = users.first {
        throw RemovalFault.imageInUse(image.id, container: user.name)
      }
    }
    return try remove(
      image.references + image.repoDigests, of: image, isUsed: !users.isEmpty, &census)
  }

  private func remove(
    _ names: [ImageReference], of image: LocalImage, isUsed: Bool, _ census: inout Census
  ) throws -> [RemovalStep] {
    let steps = names.map(RemovalStep.untagged)
    let others = Set(image.references + image.repoDigests).subtracting(names)
    if others.isEmpty, isUsed {
      try census.keepUntagged(image)
      try census.forget { $0.image == image.id && $0.reference != nil }
      return steps
    }
    let needs = try needs(of: image)
    try census.forget { record in
      record.image == image.id
        && (others.isEmpty || record.reference.map(names.contains) ?? false)
    }
    guard others.isEmpty else { return steps }
    return try steps + [.deleted(image.id)] + census.sweep(among: needs).map(RemovalStep.deleted)
  }
}

extension LocalImage {
  /// At most one tag, and digests of the same repository alone: what goes with one word.
  fileprivate var hasOneName: Bool {
    let repositories = Set(repoDigests.map(\.pinnedName))
    switch references.count {
    case 0: return repositories.count <= 1
    case 1: return repositories.isSubset(of: references.map(\.pinnedName))
    default: return false
    }
  }
}

/// Which images a pruning takes.
package struct PruneChoice: Sendable {
  package enum Scope: Sendable {
    /// Those without a tag.
    case dangling
    /// All that no container uses.
    case unused
  }

  package var scope: Scope
  package var matches: @Sendable (LocalImage) -> Bool

  package init(_ scope: Scope, matches: @escaping @Sendable (LocalImage) -> Bool = { _ in true }) {
    self.scope = scope
    self.matches = matches
  }
}

package struct Pruned: Sendable {
  package var steps: [RemovalStep]
  /// Bytes of the disk.
  package var freed: UInt64
}

extension ImageStore {
  /// Removes images that no container and no running command uses, and then all layers and blobs that
  /// belong to no image. Blocks.
  package func prune(_ choice: PruneChoice, usedBy users: ImageUsers) throws -> Pruned {
    let (steps, freed) = try collecting(usedBy: users) { census -> [RemovalStep] in
      var steps: [RemovalStep] = []
      for image in census.images where isPruned(image, choice, census) {
        steps += (image.references + image.repoDigests).map(RemovalStep.untagged)
        steps.append(.deleted(image.id))
        try census.forget { $0.image == image.id }
      }
      // Records of images that are not whole keep nothing.
      try census.forget { $0.image == nil }
      try removeLocks(census)
      return try steps + census.sweep().map(RemovalStep.deleted)
    }
    try IngestSession.sweep(folders)
    return Pruned(steps: steps, freed: freed)
  }

  private func isPruned(_ image: LocalImage, _ choice: PruneChoice, _ census: Census) -> Bool {
    if choice.scope == .dangling, !image.references.isEmpty { return false }
    return choice.matches(image) && census.users(of: image.id).isEmpty
      && !census.leased.blobs.contains(image.id)
  }
}
