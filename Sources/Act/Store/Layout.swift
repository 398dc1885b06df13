// Where each thing lives on disk. Drawn once, here:
//
//   <state>/images/…                      (Images)
//   <state>/names/<container name>        symbolic link whose text is "<project>/<id>": the name's lease.
//                                         <12 digits of an old id>_<name> is that of a container which is
//                                         to take the old one's place
//   <state>/containers/<id>/              blueprint.json, upper/, work/, rootfs/, journal/, exit.json,
//                                         hooks.json where its service has hooks, and `boot`: symbolic
//                                         link whose text is the boot id of its last start
//   <state>/networks/<name>/              network.json, leases/<address>
//   <state>/volumes/<name>/               volume.json, data/
//   <state>/…/definition.json             beside those records: the compose files' canonical words that
//                                         the container, network or volume was made of, for `plan`
//   <state>/replaced/<project>/<name>     blueprint of a container that is removed to be made anew
//
// In `containers` and `volumes`, `.gone-…` is on its way out and `.new-…` not finished: the next command
// on a project takes away what a kill has left of them.
//
//   <state>/seccomp/<hash>.bpf
//   <state>/builds/caches/<digest>/       data/, lock: a folder that steps of builds keep between them
//   <state>/builds/digests/<digest>       of the files of one build context
//   <state>/builds/downloads, <state>/builds/git   (Fetching)
//   <run>/builds/<id>                     locked by the build that has made something with this id
//   <run>/containers/<id>/                control.sock, state.json, cgroup, lock (held by the shim),
//                                         guard (by its guard as well), hosts, resolv.conf, hostname
//   <run>/networks/<name>/names/<id>
//   <run>/volumes/<name>/<id>             where a container has a volume in memory (ContainerInit)
//   <run>/projects/<name>/lock
//   <run>/events/<project>                (EventLog)

package import SystemPackage

package struct Layout: Sendable, Hashable {
  package var state: FilePath
  package var run: FilePath

  package init(state: FilePath, run: FilePath) {
    self.state = state
    self.run = run
  }

  package var names: FilePath { state.appending("names") }
  package var containers: FilePath { state.appending("containers") }
  package var networks: FilePath { state.appending("networks") }
  package var volumes: FilePath { state.appending("volumes") }
  package var images: FilePath { state.appending("images") }
  /// What builds keep beside the layers of their steps.
  package var builds: FilePath { state.appending("builds") }
  /// Shared by those who build; held alone while something there is removed.
  package var buildsLock: FilePath { builds.appending("lock") }
  /// Folders of `RUN --mount=type=cache`.
  package var buildCaches: FilePath { builds.appending("caches") }
  /// Digests of the files of build contexts, as they were last seen.
  package var buildDigests: FilePath { builds.appending("digests") }
  /// Files that builds have fetched.
  package var buildDownloads: FilePath { builds.appending("downloads") }
  /// Commits of repositories that builds have fetched.
  package var buildRepositories: FilePath { builds.appending("git") }

  package func container(_ id: String) -> FilePath { containers.appending(id) }
  package func blueprint(_ id: String) -> FilePath { container(id).appending("blueprint.json") }
  package func definition(ofContainer id: String) -> FilePath {
    container(id).appending("definition.json")
  }
  package func definition(ofNetwork name: String) -> FilePath {
    network(name).appending("definition.json")
  }
  package func definition(ofVolume name: String) -> FilePath {
    volume(name).appending("definition.json")
  }
  package func exitRecord(_ id: String) -> FilePath { container(id).appending("exit.json") }
  package func hooks(_ id: String) -> FilePath { container(id).appending("hooks.json") }
  package func bootMark(_ id: String) -> FilePath { container(id).appending("boot") }
  /// Locked by the command in front of a one-off container.
  package func attached(_ id: String) -> FilePath { container(id).appending("attached") }
  package func journal(_ id: String) -> FilePath { container(id).appending("journal") }
  package func network(_ name: String) -> FilePath { networks.appending(name) }
  package func volume(_ name: String) -> FilePath { volumes.appending(name) }
  package func replaced(_ project: String) -> FilePath {
    state.appending("replaced").appending(project)
  }
  package func volumeData(_ name: String) -> FilePath { volume(name).appending("data") }

  package var runningContainers: FilePath { run.appending("containers") }
  package func running(_ id: String) -> FilePath { runningContainers.appending(id) }
  /// Free when the shim has ended.
  package func shimLock(_ id: String) -> FilePath { running(id).appending("lock") }
  /// Free when nothing of the container runs any more, however its shim has ended.
  package func guardLock(_ id: String) -> FilePath { running(id).appending("guard") }
  package func stateRecord(_ id: String) -> FilePath { running(id).appending("state.json") }
  package func runningVolume(_ name: String) -> FilePath {
    run.appending("volumes").appending(name)
  }
  package func cgroupRecord(_ id: String) -> FilePath { running(id).appending("cgroup") }
  package func project(_ name: String) -> FilePath { run.appending("projects").appending(name) }
}
