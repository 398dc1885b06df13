// A graph of operations, each with its cause. `Engine` walks it and decides nothing.

package enum Operation: Hashable, Sendable {
  case createNetwork(String)
  case removeNetwork(String)
  case createVolume(String)
  case removeVolume(String)
  case createContainer(service: String, number: Int, name: String)
  /// Made beside the container `old`, which runs on until all that is to be made has been made.
  case createReplacement(service: String, number: Int, name: String, of: String)
  /// The replacement of the container `old`, which is gone by now, takes its place.
  case renameReplacement(service: String, name: String, of: String)
  case startContainer(service: String, name: String)
  case stopContainer(service: String, name: String)
  case removeContainer(service: String, name: String)
  /// `signal` is its number.
  case killContainer(service: String, name: String, signal: Int32)
  case pauseContainer(service: String, name: String)
  case unpauseContainer(service: String, name: String)
  case removeImage(String)
  /// All that is to be made has been made, and stands where it is to stand; nothing was started before.
  case everythingCreated
  /// Waits until every container of `dependency` meets its condition, on behalf of `service`.
  case wait(service: String, dependency: Dependency)
}

package struct Plan: Hashable, Sendable {
  package struct Step: Hashable, Sendable {
    package var operation: Operation
    /// Why, in a few words: `configuration changed`.
    package var cause: String
    /// Indices of the steps that must end well before this one begins.
    package var after: Set<Int>
  }

  /// An image that is built, and why.
  package struct ImageBuild: Hashable, Sendable {
    package var image: String
    package var cause: String

    package init(image: String, cause: String) {
      self.image = image
      self.cause = cause
    }
  }

  package private(set) var steps: [Step] = []
  /// Images that must be fetched before the first step.
  package var pulls: [String] = []
  /// Images that must be built after that.
  package var builds: [ImageBuild] = []
  /// Containers of services that the project no longer has; left alone.
  package var orphans: [String] = []
  /// Volumes that are not what the file says, and are left alone.
  package var changedVolumes: [String] = []
  /// Networks and volumes that would be removed, were they not in use by what stays.
  package var usedResources: [UsedResource] = []

  package init() {}

  package var isEmpty: Bool { steps.isEmpty && pulls.isEmpty && builds.isEmpty }

  /// Adds a step and answers its index. Steps can only wait for earlier ones, so there are no cycles.
  @discardableResult
  package mutating func add(
    _ operation: Operation, because cause: String, after: some Sequence<Int> = []
  ) -> Int {
    steps.append(Step(operation: operation, cause: cause, after: Set(after)))
    return steps.count - 1
  }

  /// One line for each step that changes something: what `up --dry-run` shows and tests compare.
  package var text: String {
    let pulled = pulls.map { "pull image \($0) (it is not here)" }
    let built = builds.map { "build image \($0.image) (\($0.cause))" }
    let done = steps.compactMap { step in
      step.operation.text.map { $0 + " (\(step.cause))" }
    }
    return (pulled + built + done).joined(separator: "\n")
  }
}

package enum UsedResource: Hashable, Sendable {
  case network(String)
  case volume(String)
}

extension Operation {
  /// Nil for steps that only order others.
  package var text: String? {
    switch self {
    case .createNetwork(let name): "create network \(name)"
    case .removeNetwork(let name): "remove network \(name)"
    case .createVolume(let name): "create volume \(name)"
    case .removeVolume(let name): "remove volume \(name)"
    case .createContainer(_, _, let name): "create container \(name)"
    case .createReplacement(_, _, let name, _): "create container \(name) beside the old one"
    case .renameReplacement(_, let name, _): "put the new container \(name) in its place"
    case .startContainer(_, let name): "start container \(name)"
    case .stopContainer(_, let name): "stop container \(name)"
    case .removeContainer(_, let name): "remove container \(name)"
    case .killContainer(_, let name, let signal): "send signal \(signal) to container \(name)"
    case .pauseContainer(_, let name): "pause container \(name)"
    case .unpauseContainer(_, let name): "unpause container \(name)"
    case .removeImage(let name): "remove image \(name)"
    case .everythingCreated: nil
    case .wait(let service, let dependency):
      dependency.condition == .started
        ? nil
        : "wait for \(dependency.service) to be \(dependency.condition.word) before \(service)"
    }
  }
}

extension Dependency.Condition {
  package var word: String {
    switch self {
    case .started: "started"
    case .healthy: "healthy"
    case .completed: "completed"
    }
  }
}
