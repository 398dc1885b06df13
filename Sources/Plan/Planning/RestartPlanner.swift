// `restart`: containers as they are, each ended and started, what is depended on first.

/// - Parameters:
///   - services: those that are meant.
///   - dependencies: for each service what it depends on, from the file or from labels.
package func planRestart(
  _ observed: Observed, services: Set<String>, dependencies: [String: [String]]
) -> Plan {
  var plan = Plan()
  var started: [String: [Int]] = [:]
  let names = Set(observed.containers.map(\.service)).union(dependencies.keys).sorted()
  for service in dependencyOrder(names.map { ($0, dependencies[$0] ?? []) }) {
    let earlier = (dependencies[service] ?? []).flatMap { started[$0] ?? [] }
    let containers = observed.containers.filter {
      $0.service == service && !$0.isOneOff && services.contains(service)
    }
    let starts = containers.map { container in
      var after = earlier
      if container.isActive {
        after = [
          plan.add(
            .stopContainer(service: service, name: container.name), because: "asked for",
            after: earlier)
        ]
      }
      return plan.add(
        .startContainer(service: service, name: container.name), because: "asked for",
        after: after)
    }
    // A service without containers must not cut the chain between its neighbours.
    started[service] = starts.isEmpty ? earlier : starts
  }
  return plan
}
