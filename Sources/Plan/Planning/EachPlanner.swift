// `kill`, `pause`, `unpause` and `rm`: one thing done to each of some containers, in no order.

package enum EachVerb: Hashable, Sendable {
  case kill(signal: Int32)
  case pause
  case unpause
  /// Those that run are stopped first.
  case remove
}

/// The plan for `verb` on containers that were chosen, by name.
package func planEach(_ verb: EachVerb, _ containers: [ObservedContainer]) -> Plan {
  var plan = Plan()
  for container in containers {
    let (service, name) = (container.service, container.name)
    var after: [Int] = []
    let operation: Operation
    switch verb {
    case .kill(let signal):
      operation = .killContainer(service: service, name: name, signal: signal)
    case .pause: operation = .pauseContainer(service: service, name: name)
    case .unpause: operation = .unpauseContainer(service: service, name: name)
    case .remove:
      if container.isActive {
        after.append(
          plan.add(.stopContainer(service: service, name: name), because: "asked for"))
      }
      operation = .removeContainer(service: service, name: name)
    }
    plan.add(operation, because: "asked for", after: after)
  }
  return plan
}
