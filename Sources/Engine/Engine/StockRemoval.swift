// Names given, names and images taken away.

import Diagnostics
import Images
import Linux
import OCI

/// One thing that `rmi` or `prune` did.
package enum StockChange: Sendable, Hashable {
  /// A name, as people write it.
  case untagged(String)
  /// `sha256:…`: an image or a layer.
  case deleted(String)
}

package struct StockPruning: Sendable {
  package enum Scope: Sendable {
    case dangling
    case unused
  }

  package var changes: [StockChange]
  /// Bytes.
  package var freed: UInt64
}

extension Stock {
  package func tag(_ source: String, as target: String) async throws {
    try await blocking {
      let tag = try ImageReference(parsing: target)
      guard tag.digest == nil else {
        throw Faults([
          Diagnostic(
            "`\(target)` has a digest, and a tag is given by hand, not by content",
            hint: "write NAME[:TAG]")
        ])
      }
      try self.images.tag(source, as: tag)
    }
  }

  /// Removes each; `told` hears of every change at once, also of those before a failure.
  /// - Throws: all failures together.
  package func remove(
    _ names: [String], force: Bool, told: @escaping @Sendable (StockChange) -> Void
  ) async throws {
    try await blocking {
      var faults: [Diagnostic] = []
      for name in names {
        do {
          let steps = try self.images.remove(name, force: force, usedBy: self.imageUsers)
          for step in steps { told(StockChange(step)) }
        } catch let fault as any Diagnosable {
          faults += fault.diagnostics
        }
      }
      if !faults.isEmpty { throw Faults(faults) }
    }
  }

  package func prune(
    _ scope: StockPruning.Scope, _ filters: [ImageFilter], reading time: @escaping TimeReading
  ) async throws -> StockPruning {
    try await blocking {
      let meets = try self.condition(filters, among: try self.images.list(), time)
      let choice = PruneChoice(scope == .dangling ? .dangling : .unused, matches: meets)
      let pruned = try self.images.prune(choice, usedBy: self.imageUsers)
      return StockPruning(changes: pruned.steps.map(StockChange.init), freed: pruned.freed)
    }
  }
}

extension StockChange {
  init(_ step: RemovalStep) {
    switch step {
    case .untagged(let reference): self = .untagged(reference.familiar)
    case .deleted(let digest): self = .deleted("\(digest)")
    }
  }
}
