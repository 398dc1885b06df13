// Containers made anew beside the old ones, which go when everything has been made: a failure before
// leaves them running.

import Blueprint
import Compose
import Diagnostics
import Linux
import Planning
import Store
import Synchronization

/// A container that is to take the place of another.
struct Heir: Sendable {
  var blueprint: ContainerBlueprint
  /// The name that it holds until then.
  var leaseName: String
}

extension StepRunner {
  func replace(_ operation: Planning.Operation) async throws {
    switch operation {
    case .createReplacement(let service, let number, let name, let old):
      session.tell(.progress(ProgressEvent("Container \(name)", "Recreate", .working)))
      try await recreating(name, doing: "creating") {
        try self.createReplacement(service, number, name, of: old)
      }
    case .renameReplacement(_, let name, let old):
      try await recreating(name, doing: "renaming") { try self.renameReplacement(name, of: old) }
      session.tell(.progress(ProgressEvent("Container \(name)", "Recreated", .done)))
    default: break
    }
  }

  private func recreating(
    _ name: String, doing: String, _ body: @escaping @Sendable () throws -> Void
  ) async throws {
    do {
      try await blocking(body)
    } catch let cancellation as CancellationError {
      throw cancellation
    } catch {
      session.tell(.progress(ProgressEvent("Container \(name)", "Error", .error)))
      throw Failure("\(doing) `\(name)`", error)
    }
  }

  private func createReplacement(
    _ service: String, _ number: Int, _ name: String, of oldName: String
  ) throws {
    guard let base = bases[service], let project else {
      throw NoSuchService(name: service, known: [])
    }
    let old = try blueprint(oldName)
    var identity = ContainerIdentity(id: randomID(), name: name, number: number)
    identity.replaced = old
    let heir = try session.makeContainer(
      base, identity, project: project, previous: options.renewsAnonymousVolumes ? nil : old)
    heirs.withLock { $0[oldName] = Heir(blueprint: heir, leaseName: identity.leaseName) }
  }

  private func renameReplacement(_ name: String, of oldName: String) throws {
    guard let heir = heirs.withLock({ $0.removeValue(forKey: oldName) }) else { return }
    try session.containers.giveName(
      name, to: heir.blueprint.id, of: session.projectName, insteadOf: heir.leaseName)
    remember(heir.blueprint)
  }
}
