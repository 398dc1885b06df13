// What the caller asks of a load.

package import Diagnostics

package struct ProjectOptions: Sendable {
  /// `-f`, in order; `-` is the standard input. Empty: COMPOSE_FILE, then the upward search.
  package var files: [String] = []
  /// `-p`.
  package var projectName: String?
  /// `--project-directory`.
  package var projectDirectory: String?
  /// `--env-file`, in order. Empty: COMPOSE_ENV_FILES, then `.env`.
  package var envFiles: [String] = []
  /// `--profile`. Empty: COMPOSE_PROFILES.
  package var profiles: [String] = []
  /// The caller's environment.
  package var environment: [String: String]
  /// The folder that the caller stands in; absolute.
  package var workingDirectory: String
  /// Services named on the command line: enabled whatever their profiles; with their dependencies
  /// they are all that `services` of the project holds. Empty: all.
  package var services: [String] = []
  /// Keep networks, volumes, configs and secrets that no service uses.
  package var keepsUnusedResources = false

  /// Keep how each value came to be, for `Project.explain`.
  package var keepsStories = false

  package var skipsInterpolation = false
  package var skipsNormalization = false
  package var skipsPathResolution = false
  package var skipsConsistency = false
  package var skipsEnvironmentResolution = false

  package init(workingDirectory: String, environment: [String: String]) {
    self.workingDirectory = workingDirectory
    self.environment = environment
  }
}

/// A project with all that was learnt on the way to it.
package struct LoadedProject: Sendable {
  package var project: Project
  package var warnings: [Diagnostic]
  /// The files that were read, in order, absolute.
  package var files: [String]
  /// What variables were looked up in: the caller's environment, env files, COMPOSE_PROJECT_NAME.
  package var environment: [String: String]
  /// The variables that the files use, in the order of first use.
  package var variables: [VariableUse]
}
