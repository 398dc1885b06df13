// Services in the order of their dependencies.

extension Project {
  /// Enabled services, each after those that it depends on; otherwise in the order of the file.
  /// Cycles were refused at load, so each service comes once.
  package func servicesInDependencyOrder() -> [Service] {
    closure(of: services.map(\.name))
  }

  /// The named services with all that they depend on, dependencies first. Unknown names are left
  /// out: the caller has checked them.
  package func closure(of names: [String]) -> [Service] {
    let byName = Dictionary(services.map { ($0.name, $0) }) { first, _ in first }
    var ordered: [Service] = []
    var done: Set<String> = []
    for name in names {
      var stack: [(name: String, next: Int)] = [(name, 0)]
      while let (name, next) = stack.last {
        guard let service = byName[name], !done.contains(name) else {
          stack.removeLast()
          continue
        }
        if next < service.dependsOn.count, stack.count <= services.count {
          stack[stack.count - 1].next += 1
          let other = service.dependsOn[next].service
          if !done.contains(other) { stack.append((other, 0)) }
        } else {
          done.insert(name)
          ordered.append(service)
          stack.removeLast()
        }
      }
    }
    return ordered
  }

  /// The services that depend on one, directly.
  package func dependents(of name: String) -> [Service] {
    services.filter { $0.dependsOn.contains { $0.service == name } }
  }
}
