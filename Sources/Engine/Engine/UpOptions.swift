// What `up` was asked for, as meant.

import Planning

package enum PullChoice: Hashable, Sendable {
  case always
  case missing
  case never
  case build
}

package struct UpOptions: Sendable {
  package enum Recreate: Sendable {
    case whenChanged
    case always
    case never
  }

  package enum Wait: Hashable, Sendable {
    case forever
    case atMost(seconds: Int)
  }

  package var services: [String] = []
  package var recreate = Recreate.whenChanged
  package var recreatesDependencies = false
  package var startsContainers = true
  package var includesDependencies = true
  package var renewsAnonymousVolumes = false
  package var removesOrphans = false
  /// Nil is the policy of each service.
  package var pull: PullChoice?
  package var build = BuildChoice.asNeeded
  package var scale: [String: Int] = [:]
  /// Seconds; nil is the grace of each container, negative waits for ever.
  package var timeout: Int?
  var hooks = HookUse.all
  /// Waits until everything runs or is healthy.
  package var wait: Wait?
  package var isDryRun = false
  /// Volumes that changed are made anew, and what is in them is lost.
  package var recreatesVolumes = false
  /// Asked for each volume that changed, where not all are made anew: whether this one is.
  package var agrees: (@Sendable (_ volume: String) -> Bool)?

  package init() {}

  var policy: UpPolicy {
    var policy = UpPolicy()
    policy.recreate =
      switch recreate {
      // Anonymous volumes are renewed with their containers.
      case .whenChanged where renewsAnonymousVolumes: .always
      case .whenChanged: .whenChanged
      case .always: .always
      case .never: .never
      }
    policy.selected = Set(services)
    policy.recreatesDependencies = recreatesDependencies
    policy.startsContainers = startsContainers
    policy.removesOrphans = removesOrphans
    policy.recreatesVolumes = recreatesVolumes
    return policy
  }
}

/// Which images `down` removes.
package enum ImageScope: String, Sendable, CaseIterable {
  /// Those without a name that the file gives them: built here.
  case local
  case all
}

/// Which hooks of services run.
enum HookUse: Sendable {
  case all
  /// Those in the containers themselves: `post_start` and `pre_stop`.
  case inContainers
  case none
}

package struct DownOptions: Sendable {
  package var services: [String] = []
  package var removesOrphans = false
  package var removesVolumes = false
  package var removesImages: ImageScope?
  package var timeout: Int?
  package var isDryRun = false

  package init() {}
}
