// The labels that tie containers, networks and volumes to their project: docker compose's own, so
// that scripts which look for them go on working.

package enum Label {
  package static let project = "com.docker.compose.project"
  package static let service = "com.docker.compose.service"
  package static let number = "com.docker.compose.container-number"
  package static let oneOff = "com.docker.compose.oneoff"
  package static let configHash = "com.docker.compose.config-hash"
  package static let image = "com.docker.compose.image"
  /// `NAME=sha256:…`, for each image that is mounted.
  package static let mountedImages = "com.docker.compose.image-volume-digest"
  /// The name of the container that this one took the place of.
  package static let replaced = "com.docker.compose.replace"
  package static let dependsOn = "com.docker.compose.depends_on"
  package static let workingDirectory = "com.docker.compose.project.working_dir"
  package static let configFiles = "com.docker.compose.project.config_files"
  package static let environmentFile = "com.docker.compose.project.environment_file"
  package static let version = "com.docker.compose.version"
  package static let slug = "com.docker.compose.slug"
  /// `pre_start`, on a container in which such a hook runs.
  package static let hook = "com.docker.compose.hook"
  package static let network = "com.docker.compose.network"
  package static let volume = "com.docker.compose.volume"
  package static let anonymousVolume = "com.docker.volume.anonymous"
}

/// The version of berth: `berth version` and the labels say it.
package let berthVersion = "0.1.0"
