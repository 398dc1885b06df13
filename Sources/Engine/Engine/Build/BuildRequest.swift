// What a build is asked for by the command line; the rest stands in the compose file.

package struct BuildRequest: Sendable {
  /// Empty: all services that have a `build`.
  package var services: [String] = []
  /// `NAME=VALUE`, or `NAME` for the value that the caller's environment has; the last of a name counts.
  package var arguments: [String] = []
  package var usesCache = true
  /// Base images are asked for again.
  package var pulls = false
  /// Images with names are pushed when all are built.
  package var pushes = false
  /// Services that the named ones depend on are built too.
  package var includesDependencies = false
  /// Containers are made from the images at once: of several platforms only this machine's is built.
  package var isForContainers = false
  /// The Dockerfiles are checked, nothing is built.
  package var checksOnly = false
  /// `default`, `ID=PATH[,PATH]`.
  package var ssh: [String] = []

  package init() {}
}

package struct BuiltImage: Sendable, Hashable {
  package var service: String
  /// As the file or the project calls it.
  package var reference: String
  /// `sha256:…`.
  package var id: String

  package init(service: String, reference: String, id: String) {
    self.service = service
    self.reference = reference
    self.id = id
  }
}
