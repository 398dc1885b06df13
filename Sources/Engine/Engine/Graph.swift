// `alpha viz`: which service depends on which, as Graphviz reads it.

package import Compose

package struct GraphOptions: Sendable {
  package var showsImages = false
  package var showsNetworks = false
  package var showsPorts = false
  /// Of one step.
  package var indentation = "\t"

  package init() {}
}

/// A `digraph` of the project's services.
package func graph(of project: Project, _ options: GraphOptions) -> String {
  var lines = ["digraph \(quoted(project.name)) {"]
  lines.append(options.indentation + "layout=dot;")
  lines.append(options.indentation + "node [shape=box, style=rounded];")
  for service in project.services {
    let label = ([service.name] + details(of: service, options)).joined(separator: "\n")
    lines.append(options.indentation + "\(quoted(service.name)) [label=\(quoted(label))];")
  }
  for service in project.services {
    for dependency in service.dependsOn {
      let style = dependency.isRequired ? "" : " [style=dashed]"
      lines.append(
        options.indentation + "\(quoted(service.name)) -> \(quoted(dependency.service))\(style);")
    }
  }
  lines.append("}")
  return lines.map { $0 + "\n" }.joined()
}

private func details(of service: Service, _ options: GraphOptions) -> [String] {
  var lines: [String] = []
  if options.showsImages, let image = service.image { lines.append("Image: \(image)") }
  if options.showsNetworks {
    lines += service.networks.map { "Network: \($0.network)" }
  }
  if options.showsPorts {
    for port in service.ports {
      let host = port.published.map { range in
        range.count == 1 ? "\(range.lowerBound):" : "\(range.lowerBound)-\(range.upperBound):"
      }
      lines.append("Port: \(host ?? "")\(port.target)/\(port.transport.rawValue)")
    }
  }
  return lines
}

/// As a string of the DOT language: quotes, backslashes and line ends are escaped.
private func quoted(_ text: String) -> String {
  let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    .replacing("\n", with: "\\n")
  return "\"\(escaped)\""
}
