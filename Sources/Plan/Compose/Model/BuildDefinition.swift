// What a service's `build` says. Paths of the host are absolute; what is no path is left as it was written.

package import Diagnostics

package struct BuildDefinition: Sendable, Hashable {
  /// A folder of the host, or a url.
  package var context: String
  /// Absolute, or relative to the context; nil is `Dockerfile`.
  package var dockerfile: String?
  /// The Dockerfile itself, in the compose file.
  package var inlineDockerfile: String?
  /// A value of nil is not set.
  package var arguments: [EnvironmentEntry] = []
  package var target: String?
  package var additionalContexts: [KeyValue] = []
  package var cacheFrom: [String] = []
  package var cacheTo: [String] = []
  package var usesCache = true
  /// Stages that are built without the cache.
  package var uncachedStages: [String] = []
  package var pulls = false
  /// `default`, `none`, `host` or a network's name.
  package var network: String?
  package var extraHosts: [KeyValue] = []
  package var labels: [KeyValue] = []
  package var secrets: [BuildSecret] = []
  /// `default`, or `id=path[,path]`.
  package var ssh: [String] = []
  package var tags: [String] = []
  package var platforms: [String] = []
  /// Bytes.
  package var sharedMemory: UInt64?
  package var ulimits: [Ulimit] = []
  package var isPrivileged = false
  package var entitlements: [String] = []
  package var isolation: String?
  /// Of `build`, and of keys below it where the file has them.
  package var span: SourceSpan?
  package var spans: [String: SourceSpan] = [:]

  package init(context: String) { self.context = context }
}

/// A secret for `RUN --mount=type=secret`.
package struct BuildSecret: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    /// Absolute.
    case file(String)
    case environment(String)
  }

  package var id: String
  package var source: Source
  package var uid: UInt32?
  package var gid: UInt32?
  package var mode: UInt32?

  package init(id: String, source: Source) {
    self.id = id
    self.source = source
  }
}
