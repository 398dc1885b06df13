// The order among services that their dependencies ask for.

/// Services so that each stands behind those it depends on; ties keep the given order. Names that
/// are not among `services` are passed over. Cycles were refused when the project was loaded; what
/// stands on one is appended at the end all the same, so that nothing is lost.
package func dependencyOrder(_ services: [(name: String, dependsOn: [String])]) -> [String] {
  let known = Set(services.map(\.name))
  var placed: Set<String> = []
  var order: [String] = []
  var waiting = services
  while !waiting.isEmpty {
    let ready = waiting.filter { service in
      service.dependsOn.allSatisfy { placed.contains($0) || !known.contains($0) }
    }
    let next = ready.isEmpty ? waiting : ready
    for service in next {
      order.append(service.name)
      placed.insert(service.name)
    }
    waiting.removeAll { placed.contains($0.name) }
  }
  return order
}
