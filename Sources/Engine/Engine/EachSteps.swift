// Steps of plans that are about one thing at a time, in no order: signals, pauses, images.

import Blueprint
import Control
import Diagnostics
import Images
import Linux
import Planning
import Store

extension StepRunner {
  func performAlone(_ operation: Planning.Operation) async throws {
    switch operation {
    case .killContainer(_, let name, let signal):
      let blueprint = try blueprint(name)
      try await tell("Container \(name)", "Killing", "Killed", doing: "killing `\(name)`") {
        try self.session.kill(blueprint, signal: signal)
      }
    case .pauseContainer(_, let name):
      let client = ShimClient(runFolder: session.layout.running(try blueprint(name).id))
      try await tell("Container \(name)", "Pausing", "Paused", doing: "pausing `\(name)`") {
        try client.pause()
      }
    case .unpauseContainer(_, let name):
      let client = ShimClient(runFolder: session.layout.running(try blueprint(name).id))
      try await tell("Container \(name)", "Unpausing", "Unpaused", doing: "unpausing `\(name)`") {
        try client.unpause()
      }
    case .removeImage(let name): try await removeImage(name)
    default: break
    }
  }

  /// One that a container of whatever project has stays; it is said, as the reference does.
  private func removeImage(_ name: String) async throws {
    let id = "Image \(name)"
    do {
      session.tell(.progress(ProgressEvent(id, "Removing", .working)))
      try await blocking {
        _ = try self.session.images.remove(
          name, force: false, usedBy: Stock(self.session.host).imageUsers)
      }
      session.tell(.progress(ProgressEvent(id, "Removed", .done)))
    } catch is RemovalFault {
      session.tell(.progress(ProgressEvent(id, "Resource is still in use", .warning)))
    } catch {
      session.tell(.progress(ProgressEvent(id, "Error", .error)))
      throw Failure("removing image `\(name)`", error)
    }
  }
}
