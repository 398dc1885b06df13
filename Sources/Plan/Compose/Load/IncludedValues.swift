// Configs and secrets of included files by `environment`: an included file may have env files of its
// own, and the variable is looked up there.

/// The value that the environment of an included file has for a config or secret of that file.
struct IncludedValue {
  var kind: String
  var key: String
  var variable: String
  var value: String

  static func all(of model: Node, _ environment: Variables) -> [IncludedValue] {
    ["configs", "secrets"].flatMap { kind in
      (model[kind]?.map?.entries ?? []).compactMap { entry in
        guard let variable = entry.node["environment"]?.string, let value = environment[variable]
        else { return nil }
        return IncludedValue(kind: kind, key: entry.key, variable: variable, value: value)
      }
    }
  }
}

extension Project {
  /// Gives configs and secrets their values. Of several files that define one, the first in which it
  /// is as it came to be: a file that names another variable has its say by that.
  mutating func takeValues(included: [IncludedValue], environment: Variables) {
    func value(_ resource: FileResource, _ kind: String) -> String? {
      guard case .environment(let variable) = resource.origin else { return nil }
      return included.first {
        $0.kind == kind && $0.key == resource.key && $0.variable == variable
      }?.value ?? environment[variable]
    }
    for index in configs.indices { configs[index].value = value(configs[index], "configs") }
    for index in secrets.indices { secrets[index].value = value(secrets[index], "secrets") }
  }
}
