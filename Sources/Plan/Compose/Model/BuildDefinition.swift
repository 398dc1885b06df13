// How the image of a service is built, as the engine acts on it (reference A136 to A161).

package import Diagnostics

/// `build` of a service. Paths are absolute, addresses as they are written.
package struct BuildDefinition: Sendable, Hashable {
  /// Where the steps get their files from.
  package var context: BuildContext
  package var dockerfile: DockerfileSource
  /// Names are unique. A name without a value has that of the project's environment, or is not here.
  package var arguments: [KeyValue]
  /// nil is the last stage.
  package var target: String?
  /// More contexts, by the names that the Dockerfile has for them.
  package var additionalContexts: [NamedContext]
  package var cacheFrom: [CachePlace]
  package var cacheTo: [CachePlace]
  package var usesCache: Bool
  /// Stages whose steps are run anew.
  package var uncachedStages: [String]
  /// Base images are asked for again.
  package var pulls: Bool
  /// `default`, `host`, `none` or a name; nil is `default`.
  package var network: String?
  package var extraHosts: [KeyValue]
  package var labels: [KeyValue]
  package var secrets: [BuildSecret]
  package var ssh: [SSHSource]
  /// More names that the image gets.
  package var tags: [String]
  package var platforms: [String]
  package var shmSize: ByteCount?
  package var ulimits: [Ulimit]
  /// `network.host`, `security.insecure` (which `privileged` asks for too) and what nothing here grants.
  package var entitlements: [String]
  package var isolation: String?
  /// `true`, `false`, or settings such as `mode=max`.
  package var provenance: String?
  package var sbom: String?
  package var span: SourceSpan?
  /// Where its attributes stand, by their names.
  package var places: [String: SourceSpan]

  /// Where an attribute stands, or else the whole.
  package func place(of attribute: String) -> SourceSpan? { places[attribute] ?? span }

  /// The services that it is built from, each once.
  package var services: [String] {
    var names: [String] = []
    for context in additionalContexts {
      if let name = context.context.service, !names.contains(name) { names.append(name) }
    }
    return names
  }
}

package enum DockerfileSource: Sendable, Hashable {
  /// Absolute where the context is a folder, else a path inside of the context.
  case file(String)
  case inline(InlineDockerfile)
}

/// `dockerfile_inline`: a Dockerfile inside of a compose file.
package struct InlineDockerfile: Sendable, Hashable {
  package var text: String
  /// Where the value begins.
  package var span: SourceSpan?
  /// Where the first line of the text stands, when each line of the text is one of the compose file:
  /// that of a literal block (`|`).
  var first: SourceSpan?

  /// Columns before each line of the text in the compose file; nil where a line is no line of it.
  package var indent: Int? { first.map { $0.column - 1 } }

  /// Where a part of the text stands in the compose file, as well as that can be said. Lines and
  /// columns count from 1.
  package func span(line: Int, column: Int, length: Int) -> SourceSpan? {
    guard let first else { return span }
    let (line, isTooFar) = first.line.addingReportingOverflow(line - 1)
    let (column, isTooWide) = first.column.addingReportingOverflow(column - 1)
    guard !isTooFar, !isTooWide else { return span }
    return SourceSpan(file: first.file, line: line, column: column, length: length)
  }
}

/// A place that files of a build come from.
package enum BuildContext: Sendable, Hashable {
  case folder(String)
  /// A git repository or an archive, as written.
  case address(String)
  /// `docker-image://NAME`.
  case image(String)
  /// `oci-layout://FOLDER[:TAG][@DIGEST]`; the tag is `latest` when nothing is said.
  case layout(folder: String, tag: String?, digest: String?)
  /// `target:NAME`: another build of the same file, which is called after its service.
  case target(String)
  /// `service:NAME`: the image that is built for another service.
  case service(String)

  /// The service whose image it is.
  package var service: String? {
    switch self {
    case .service(let name), .target(let name): name
    default: nil
    }
  }

  package var isAddress: Bool { if case .address = self { true } else { false } }

  /// As a compose file says it.
  package var text: String {
    switch self {
    case .folder(let path): path
    case .address(let address): address
    case .image(let name): "docker-image://" + name
    case .layout(let folder, let tag, let digest):
      "oci-layout://" + folder + (tag.map { ":" + $0 } ?? "") + (digest.map { "@" + $0 } ?? "")
    case .target(let name): "target:" + name
    case .service(let name): "service:" + name
    }
  }
}

package struct NamedContext: Sendable, Hashable {
  package var name: String
  package var context: BuildContext
  package var span: SourceSpan?
}

/// One entry of `cache_from` or `cache_to`.
package struct CachePlace: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case registry(reference: String)
    /// `src` of `cache_from`, `dest` of `cache_to`.
    case local(folder: String)
    /// Beside the image itself.
    case inline
    /// One that is not known here.
    case other(String)
  }

  package var kind: Kind
  /// `mode`, and what else stands beside; keys in lower case.
  package var options: [KeyValue]
  /// As written.
  package var text: String
  package var span: SourceSpan?

  /// Layers of stages that the image is not made of are kept too.
  package var keepsAll: Bool { options.contains(KeyValue("mode", "max")) }
}

/// A secret of the project that the steps of a build may mount.
package struct BuildSecret: Sendable, Hashable {
  /// What `RUN --mount=type=secret` calls it.
  package var id: String
  /// The key of the secret in the project.
  package var source: String
  package var uid: String?
  package var gid: String?
  package var mode: UInt32?
  package var span: SourceSpan?
}

/// An agent, or keys, for `RUN --mount=type=ssh` and for git.
package struct SSHSource: Sendable, Hashable {
  package var id: String
  /// Sockets or keys; none is the agent of the caller.
  package var paths: [String]
  package var span: SourceSpan?
}

extension SSHSource {
  /// `default` or `ID=PATH[,PATH]`.
  ///
  /// - Returns: nil for an id without a path that is not `default`.
  package init?(_ text: String, in folder: String, home: String?, span: SourceSpan? = nil) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let paths = parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : []
    guard let id = parts.first, !id.isEmpty, !paths.isEmpty || id == "default" else { return nil }
    self.init(
      id: String(id), paths: paths.map { resolve($0, in: folder, home: home) }, span: span)
  }
}

extension Project {
  package func secret(_ key: String) -> FileResource? { secrets.first { $0.key == key } }

  /// A service whose image can be built; also one that is not enabled, which others are built from.
  package func buildable(_ name: String) -> Service? {
    (services + disabledServices).first { $0.name == name && $0.hasBuild }
  }
}
