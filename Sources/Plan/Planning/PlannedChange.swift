// A plan by the things that it is about: what becomes of each container, network, volume and image.

package struct PlannedChange: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    case image
    case network
    case volume
    case container
  }

  package enum Action: String, Hashable, Sendable, CaseIterable {
    case pull
    case build
    case create
    case recreate
    case restart
    case start
    case stop
    case remove
    case kill
    case pause
    case unpause
  }

  package var kind: Kind
  package var name: String
  package var service: String?
  package var action: Action
  /// Why, in a few words.
  package var cause: String
  /// The container that goes for it, where that has another name.
  package var replaced: String?

  package init(
    kind: Kind, name: String, service: String? = nil, action: Action, cause: String,
    replaced: String? = nil
  ) {
    self.kind = kind
    self.name = name
    self.service = service
    self.action = action
    self.cause = cause
    self.replaced = replaced
  }
}

extension Plan {
  /// In the order of the first step of each.
  package var changes: [PlannedChange] {
    var ledger = Ledger()
    for image in pulls { ledger.note(.image, image, nil, .pull, because: "it is not here") }
    for build in builds { ledger.note(.image, build.image, nil, .build, because: build.cause) }
    for step in steps { ledger.note(step) }
    return ledger.changes
  }
}

private struct Ledger {
  private struct Key: Hashable {
    var kind: PlannedChange.Kind
    var name: String
  }

  private(set) var changes: [PlannedChange] = []
  private var places: [Key: Int] = [:]

  mutating func note(_ step: Plan.Step) {
    let cause = step.cause
    switch step.operation {
    case .createNetwork(let name): note(.network, name, nil, .create, because: cause)
    case .removeNetwork(let name): note(.network, name, nil, .remove, because: cause)
    case .createVolume(let name): note(.volume, name, nil, .create, because: cause)
    case .removeVolume(let name): note(.volume, name, nil, .remove, because: cause)
    case .removeImage(let name): note(.image, name, nil, .remove, because: cause)
    case .createContainer(let service, _, let name):
      note(.container, name, service, .create, because: cause)
    case .createReplacement(let service, _, let name, let old):
      note(.container, name, service, .recreate, because: cause)
      guard old != name, let place = places[Key(kind: .container, name: name)] else { break }
      changes[place].replaced = old
      // What becomes of the old one is part of this.
      places[Key(kind: .container, name: old)] = place
    case .startContainer(let service, let name):
      note(.container, name, service, .start, because: cause)
    case .stopContainer(let service, let name):
      note(.container, name, service, .stop, because: cause)
    case .removeContainer(let service, let name):
      note(.container, name, service, .remove, because: cause)
    case .killContainer(let service, let name, _):
      note(.container, name, service, .kill, because: cause)
    case .pauseContainer(let service, let name):
      note(.container, name, service, .pause, because: cause)
    case .unpauseContainer(let service, let name):
      note(.container, name, service, .unpause, because: cause)
    case .renameReplacement, .everythingCreated, .wait: break
    }
  }

  mutating func note(
    _ kind: PlannedChange.Kind, _ name: String, _ service: String?,
    _ action: PlannedChange.Action, because cause: String
  ) {
    let key = Key(kind: kind, name: name)
    guard let place = places[key] else {
      places[key] = changes.count
      changes.append(
        PlannedChange(kind: kind, name: name, service: service, action: action, cause: cause))
      return
    }
    changes[place].action = Self.joined(changes[place].action, action)
  }

  /// What two actions on one thing come to.
  private static func joined(_ first: PlannedChange.Action, _ second: PlannedChange.Action)
    -> PlannedChange.Action
  {
    switch (first, second) {
    case (.remove, .create), (.stop, .create): .recreate
    case (.stop, .start): .restart
    case (.stop, .remove): .remove
    // Starting is part of making, stopping and removing of making anew.
    default: first
    }
  }
}
