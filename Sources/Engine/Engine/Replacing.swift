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
      let id = "Container \(name)"
      session.tell(.progress(ProgressEvent(id, "Recreate", .working)))
      do {
        try await blocking { try self.createReplacement(service, number, name, of: old) }
      } catch {
        session.tell(.progress(ProgressEvent(id, "Error", .error)))
        throw Failure("creating `\(name)`", error)
      }
    case .renameReplacement(_, let name, let old):
      try await tell("Container \(name)", "Recreate", "Recreated", doing: "renaming `\(name)`") {
        try self.renameReplacement(name, of: old)
      }
    default: break
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
