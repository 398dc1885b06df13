// What the user wants of `up` beside what the files say.

package struct UpPolicy: Hashable, Sendable {
  package enum Recreate: Hashable, Sendable {
    case whenChanged
    case always
    case never
  }

  package var recreate = Recreate.whenChanged
  /// The services that the user named; the others of the project are there as dependencies.
  /// Empty is all.
  package var selected: Set<String> = []
  package var recreatesDependencies = false
  package var startsContainers = true
  package var removesOrphans = false
  /// Volumes whose definition changed are removed and made anew; else they stay as they are.
  package var recreatesVolumes = false
  /// Of these volumes that was said one by one.
  package var recreatedVolumes: Set<String> = []

  package init() {}

  func recreate(of service: String) -> Recreate {
    if recreate != .always || recreatesDependencies || selected.isEmpty { return recreate }
    return selected.contains(service) ? .always : .whenChanged
  }
}
