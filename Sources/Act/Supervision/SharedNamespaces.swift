// The containers whose namespaces this one joins, found by asking their shims.

import Blueprint
import ContainerInit
import Control
import Diagnostics
import Linux
import Store

/// A container that must run so that this one can.
struct PartnerFault: Diagnosable {
  var name: String
  /// `network`, `processes`, …
  var shared: String
  var reason: String

  var diagnostics: [Diagnostic] {
    [Diagnostic("container `\(name)`, whose \(shared) it shares, \(reason)")]
  }
}

/// The first process of a running container.
func firstProcess(of id: String, sharing shared: String, _ layout: Layout) throws
  -> SharedDescriptor
{
  func fault(_ reason: String) -> PartnerFault {
    // One whose record is gone has no name any more.
    let name = (try? readBlueprint(layout.container(id)))?.name ?? String(id.prefix(12))
    return PartnerFault(name: name, shared: shared, reason: reason)
  }
  do {
    return try ShimClient(runFolder: layout.running(id)).join().pidfd
  } catch ControlError.notRunning, ControlError.lost {
    throw fault("is not running")
  } catch let failure as ShimFailure {
    // `the container is paused`: said of the other one.
    throw fault(String(failure.message.trimmingPrefix("the container ")))
  }
}

extension Partners {
  /// Asks anew at each start: what was joined last time may have been started again since.
  init(of blueprint: ContainerBlueprint, _ layout: Layout) throws {
    self.init()
    if case .container(let id) = blueprint.sharing.pid {
      pid = try firstProcess(of: id, sharing: "processes", layout)
    }
    if case .container(let id) = blueprint.sharing.ipc {
      ipc = try firstProcess(of: id, sharing: "ipc namespace", layout)
    }
  }
}
