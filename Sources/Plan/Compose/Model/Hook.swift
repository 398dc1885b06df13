// Commands at the edges of a container's life: `pre_start`, `post_start` and `pre_stop` of a service.

package import Diagnostics

package struct Hook: Sendable, Hashable {
  package var command: [String]
  /// Of the container that it runs in, for `pre_start` alone; nil is the service's.
  package var image: String?
  /// nil is the service's, as are the other settings that the file leaves out.
  package var user: String?
  package var isPrivileged: Bool
  package var workingDirectory: String?
  /// Over the service's. A nil value is not set.
  package var environment: [EnvironmentEntry]
  package var span: SourceSpan?
}

extension ModelReader {
  func hooks(_ service: Fields.Entry, _ kind: String) -> [Hook] {
    let items = service.node[kind]?.list ?? []
    return items.enumerated().map { index, item in
      refuse(item, of: kind, in: "services.\(service.key).\(kind).\(index)")
      return Hook(
        command: texts(item["command"]), image: text(item, "image"), user: text(item, "user"),
        isPrivileged: flag(item, "privileged"), workingDirectory: text(item, "working_dir"),
        environment: environment(item["environment"]),
        span: sources.span(item.origin(of: "command")))
    }
  }

  /// What `up` does not do with hooks: one table describes all three kinds of them.
  private func refuse(_ hook: Node, of kind: String, in path: String) {
    if flag(hook, "per_replica") {
      findings.add(
        Fault(
          .unsupported,
          "`\(path).per_replica` is not yet supported: remove it, or set it to `false`",
          at: hook.origin(of: "per_replica")))
    }
    if kind != "pre_start", text(hook, "image") != nil {
      findings.add(
        Fault(
          .unsupported, "`\(path).image` cannot be had: such a hook runs in the container itself",
          at: hook.origin(of: "image")))
    }
  }
}
