// The records of steps as a cache: how much they keep, and which of them go.

import CLinux
import Glibc
import JSON
import Linux
package import OCI
import Store
import SystemPackage

/// A record of a step, with when it was last of use.
package struct CachedStep: Sendable, Hashable {
  package var key: Digest
  package var step: BuildStep
  /// Nanoseconds of the epoch.
  package var lastUse: Int64

  /// Bytes that its layer and the blob of that have.
  package var size: UInt64 {
    UInt64(max(0, step.layer.size)) &+ UInt64(max(0, step.layer.blobSize))
  }
}

/// Which records go. The oldest go first.
package struct CacheRule: Sendable, Hashable {
  /// Only those that were of no use since; nanoseconds of the epoch.
  package var unusedSince: Int64?
  /// Bytes that may stay; nil where all are meant.
  package var keeping: UInt64?

  package init(unusedSince: Int64? = nil, keeping: UInt64? = nil) {
    self.unusedSince = unusedSince
    self.keeping = keeping
  }

  package func isMeant(lastUse: Int64) -> Bool { unusedSince.map { lastUse < $0 } ?? true }
}

package enum CacheScope: Sendable {
  /// Those whose layers no image and no container needs.
  case unneeded
  case all
}

package struct CachePruned: Sendable {
  package var keys: [Digest]
  /// Bytes of the disk.
  package var freed: UInt64
}

extension ImageStore {
  /// What earlier builds have made, what was of use longest ago first. Blocks.
  package func cachedSteps() throws -> [CachedStep] {
    var found: [CachedStep] = []
    for name in try namesInFolder(folders.steps) {
      let path = folders.steps.appending(name)
      var status = stat()
      guard let key = Digest(hex: name.string), path.withPlatformString({ stat($0, &status) }) == 0
      else { continue }
      // One that cannot be read is of no use to a build either: `pruneSteps` removes it.
      guard let step = try? readRecord(BuildStep.self, at: path) else { continue }
      let (seconds, nanoseconds) = (Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec))
      found.append(
        CachedStep(key: key, step: step, lastUse: seconds &* 1_000_000_000 &+ nanoseconds))
    }
    return found.sorted { ($0.lastUse, $0.key.hex) < ($1.lastUse, $1.key.hex) }
  }

  /// Removes records, and the layers that nobody else needs. What a running build has looked at stays.
  /// Blocks.
  package func pruneSteps(_ rules: [CacheRule], _ scope: CacheScope, usedBy users: ImageUsers)
    throws
    -> CachePruned
  {
    let (keys, freed) = try collecting(usedBy: users) { census in
      try removeUnreadable(census)
      let needed = try census.needed()
      var steps = try cachedSteps().filter { !census.leased.chains.contains($0.step.layer.chain) }
      if scope == .unneeded { steps.removeAll { needed.chains.contains($0.step.layer.chain) } }
      let gone = rules.flatMap { $0.take(from: &steps, notCounting: needed.chains) }
      var candidates = ImageNeeds()
      for entry in gone {
        try removeFile(folders.step(entry.key))
        candidates.chains.insert(entry.step.layer.chain)
        candidates.blobs.insert(entry.step.layer.blob)
      }
      _ = try census.sweep(among: candidates)
      try removeLocks(census)
      return gone.map(\.key)
    }
    return CachePruned(keys: keys, freed: freed)
  }

  /// What no build can use; and what killed ones were writing, when nobody builds.
  private func removeUnreadable(_ census: Census) throws {
    for name in try namesInFolder(folders.steps) {
      let path = folders.steps.appending(name)
      guard Digest(hex: name.string) != nil else {
        if census.commands == 0 { try removeFile(path) }
        continue
      }
      do {
        _ = try readRecord(BuildStep.self, at: path)
      } catch is JSONError {
        try removeFile(path)
      }
    }
  }
}

extension CacheRule {
  /// Takes out what the rule means.
  /// - Parameter others: layers that stay whatever the rule says: they count nothing.
  func take(from steps: inout [CachedStep], notCounting others: Set<Digest>) -> [CachedStep] {
    var users: [Digest: Int] = [:]
    var total: UInt64 = 0
    for entry in steps where !others.contains(entry.step.layer.chain) {
      users[entry.step.layer.chain, default: 0] += 1
      if users[entry.step.layer.chain] == 1 { total &+= entry.size }
    }
    var gone: [CachedStep] = []
    steps.removeAll { entry in
      let chain = entry.step.layer.chain
      let isTooMuch = keeping.map { total > $0 && !others.contains(chain) } ?? true
      guard isMeant(lastUse: entry.lastUse), isTooMuch else { return false }
      gone.append(entry)
      if let count = users[chain] {
        users[chain] = count - 1
        if count == 1 { total -= min(total, entry.size) }
      }
      return true
    }
    return gone
  }
}

extension BuildStep {
  package var parts: ImageParts { ImageParts(layers: [layer.chain], blobs: [layer.blob]) }
}
