// Plans of random projects: whatever the graph, what must come before something does.

import Blueprint
import Planning
import Testing

/// The same numbers for the same seed, so that a failure can be had again.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

private struct RandomProject {
  var services: [DesiredService] = []
  var observed = Observed(networks: [ObservedResource(name: "p_default")])
  var policy = UpPolicy()

  init(seed: UInt64) {
    var dice = Dice(state: seed)
    let names = (0..<Int.random(in: 1...12, using: &dice)).map { "s\($0)" }
    for (index, name) in names.enumerated() {
      var service = DesiredService(
        name: name, replicas: Int.random(in: 0...3, using: &dice), configHash: "new", imageID: "i",
        networks: ["p_default"])
      for earlier in names[..<index] where dice.chance(25) {
        service.dependencies.append(
          Dependency(
            service: earlier,
            condition: [.started, .healthy, .completed].randomElement(using: &dice) ?? .started,
            restarts: dice.chance(30)))
      }
      if let partner = service.dependencies.first, dice.chance(15) {
        service.joins = [partner.service]
      }
      services.append(service)
      for number in 0..<Int.random(in: 0...3, using: &dice) {
        observed.containers.append(
          ObservedContainer(
            id: "\(name)\(number)", name: "p-\(name)-\(number + 1)", service: name,
            number: number + 1, configHash: dice.chance(60) ? "new" : "old", imageID: "i",
            status: [.running, .running, .exited, .created, .paused].randomElement(using: &dice)
              ?? .running, networks: ["p_default"]))
      }
    }
    if dice.chance(20) { observed.networks[0].configHash = "old" }
    policy.recreate =
      [.whenChanged, .whenChanged, .always, .never].randomElement(using: &dice)
      ?? .whenChanged
    services.shuffle(using: &dice)
  }

  var plan: Plan {
    planUp(
      DesiredProject(
        name: "p", services: services, networks: [DesiredResource(name: "p_default")]),
      observed: observed, allServices: Set(services.map(\.name)), policy: policy)
  }
}

/// What stands after a plan was walked in the order of its steps, each of which must be possible.
private struct Walk {
  var running: Set<String>
  var present: Set<String>
  /// Old containers with a successor that was made.
  var replaced: Set<String> = []
  var complaints: [String] = []

  init(_ observed: Observed) {
    present = Set(observed.containers.map(\.name))
    running = Set(
      observed.containers.filter { [.running, .paused].contains($0.status) }.map(\.name))
  }

  mutating func expect(_ fact: Bool, _ operation: Planning.Operation) {
    if !fact { complaints.append("\(operation)") }
  }

  mutating func take(_ operation: Planning.Operation) {
    switch operation {
    case .createContainer(_, _, let name):
      expect(present.insert(name).inserted, operation)
    case .createReplacement(_, _, _, let old):
      expect(present.contains(old) && replaced.insert(old).inserted, operation)
    case .renameReplacement(_, let name, let old):
      expect(!present.contains(old) && replaced.contains(old), operation)
      expect(present.insert(name).inserted, operation)
    case .startContainer(_, let name):
      expect(present.contains(name) && running.insert(name).inserted, operation)
    case .stopContainer(_, let name): expect(running.remove(name) != nil, operation)
    case .removeContainer(_, let name):
      expect(!running.contains(name) && present.remove(name) != nil, operation)
    default: break
    }
  }
}

@Suite("plans of random projects")
struct RandomPlanTests {
  @Test("are legal in whatever order their graph allows, and lead to what was asked for")
  func legal() {
    for seed in UInt64(1)...500 {
      let project = RandomProject(seed: seed)
      let plan = project.plan
      for (index, step) in plan.steps.enumerated() {
        #expect(step.after.allSatisfy { (0..<index).contains($0) }, "seed \(seed)")
      }
      for order in orders(of: plan, seed) {
        var walk = Walk(project.observed)
        for index in order { walk.take(plan.steps[index].operation) }
        #expect(walk.complaints.isEmpty, "seed \(seed): \(walk.complaints)")
        #expect(walk.running == walk.present, "seed \(seed)")
        for service in project.services {
          let count = walk.present.count { $0.hasPrefix("p-\(service.name)-") }
          #expect(count == service.replicas, "seed \(seed): \(service.name)")
        }
      }
    }
  }

  @Test("start what is depended on first, behind its condition")
  func dependencies() {
    for seed in UInt64(1)...500 {
      let project = RandomProject(seed: seed)
      let plan = project.plan
      let before = predecessors(of: plan)
      for service in project.services {
        for (index, step) in plan.steps.enumerated() {
          guard case .startContainer(service.name, _) = step.operation else { continue }
          for dependency in service.dependencies {
            for (earlier, other) in plan.steps.enumerated() {
              guard case .startContainer(dependency.service, _) = other.operation else { continue }
              #expect(before[index].contains(earlier), "seed \(seed)")
            }
          }
        }
      }
    }
  }

  @Test("when carried out leave nothing to do")
  func converged() {
    for seed in UInt64(1)...500 {
      var project = RandomProject(seed: seed)
      if project.policy.recreate == .always { project.policy.recreate = .whenChanged }
      let plan = project.plan
      var walk = Walk(project.observed)
      for step in plan.steps { walk.take(step.operation) }
      let made = Set(
        plan.steps.compactMap { step -> String? in
          switch step.operation {
          case .createContainer(_, _, let name), .createReplacement(_, _, let name, _): name
          default: nil
          }
        })
      project.observed.networks = [ObservedResource(name: "p_default")]
      project.observed.containers = walk.present.sorted().map { name in
        var container =
          project.observed.containers.first { $0.name == name }
          ?? ObservedContainer(
            id: name, name: name, service: String(name.split(separator: "-")[1]),
            number: Int(name.split(separator: "-")[2]) ?? 0, networks: ["p_default"])
        container.status = .running
        guard made.contains(name) else { return container }
        container.configHash = "new"
        container.imageID = "i"
        return container
      }
      #expect(project.plan.isEmpty, "seed \(seed): \(project.plan.text)")
    }
  }

  /// Three orders that the graph allows: as written, the last that may go first, and by chance.
  private func orders(of plan: Plan, _ seed: UInt64) -> [[Int]] {
    var dice = Dice(state: seed)
    let choices: [([Int], inout Dice) -> Int] = [
      { ready, _ in ready[0] }, { ready, _ in ready[ready.count - 1] },
      { ready, dice in ready.randomElement(using: &dice) ?? ready[0] },
    ]
    return choices.map { choose in
      var done: Set<Int> = []
      var order: [Int] = []
      while order.count < plan.steps.count {
        let ready = plan.steps.indices.filter { index in
          !done.contains(index) && plan.steps[index].after.isSubset(of: done)
        }
        let next = choose(ready, &dice)
        done.insert(next)
        order.append(next)
      }
      return order
    }
  }

  private func predecessors(of plan: Plan) -> [Set<Int>] {
    var result: [Set<Int>] = []
    for step in plan.steps {
      result.append(step.after.reduce(into: step.after) { $0.formUnion(result[$1]) })
    }
    return result
  }
}
