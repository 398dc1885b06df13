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
  func hooks(_ node: Node?) -> [Hook] {
    (node?.list ?? []).map { item in
      Hook(
        command: texts(item["command"]), image: text(item, "image"), user: text(item, "user"),
        isPrivileged: flag(item, "privileged"), workingDirectory: text(item, "working_dir"),
        environment: environment(item["environment"]),
        span: sources.span(item.origin(of: "command")))
    }
  }
}
