import Blueprint
import Planning
import Testing

@Suite("a plan for down ends dependents first")
struct DownPlannerTests {
  let observed = Observed(
    containers: ["cache", "db", "web"].map {
      ObservedContainer(id: $0, name: "p-\($0)-1", service: $0, number: 1)
    },
    networks: [
      ObservedResource(name: "p_default"), ObservedResource(name: "shared", isOwn: false),
    ],
    volumes: [ObservedResource(name: "p_data")])

  @Test("all: stop and remove in reverse order, then the project's networks")
  func all() {
    let plan = planDown(
      observed, dependencies: ["web": ["cache"], "cache": ["db"]], scope: DownScope())
    #expect(
      plan.text == """
        stop container p-web-1 (asked for)
        remove container p-web-1 (asked for)
        stop container p-cache-1 (asked for)
        remove container p-cache-1 (asked for)
        stop container p-db-1 (asked for)
        remove container p-db-1 (asked for)
        remove network p_default (asked for)
        """)
    #expect(plan.steps[2].after == [1])
    #expect(plan.steps[6].after == [1, 3, 5])
  }

  @Test("a service without containers keeps the chain between its neighbours")
  func gap() {
    var some = observed
    some.containers.removeAll { $0.service == "cache" }
    let plan = planDown(
      some, dependencies: ["web": ["cache"], "cache": ["db"]], scope: DownScope())
    let db = plan.steps.first { $0.operation.text == "stop container p-db-1" }
    #expect(db?.after == [1])
  }

  @Test("stop keeps containers; services narrow; volumes only when asked for; orphans stay")
  func scopes() {
    var stop = DownScope()
    stop.removesContainers = false
    stop.services = ["db"]
    #expect(
      planDown(observed, dependencies: [:], scope: stop).text
        == "stop container p-db-1 (asked for)")
    var volumes = DownScope()
    volumes.removesVolumes = true
    #expect(
      planDown(observed, dependencies: [:], scope: volumes).text.contains("remove volume p_data"))
    var known = DownScope()
    known.known = ["web", "cache"]
    let plan = planDown(observed, dependencies: [:], scope: known)
    #expect(plan.orphans == ["p-db-1"])
    #expect(!plan.text.contains("p-db-1"))
  }

  @Test("of some services go the networks and volumes that nobody else of the project uses")
  func parts() {
    var some = observed
    some.networks.append(ObservedResource(name: "p_front"))
    for index in some.containers.indices {
      some.containers[index].networks = ["p_default"]
      if some.containers[index].service == "web" {
        some.containers[index].networks.append("p_front")
        some.containers[index].volumes = ["p_data"]
      }
    }
    var scope = DownScope()
    scope.services = ["web"]
    scope.removesVolumes = true
    let plan = planDown(some, dependencies: ["web": ["db"]], scope: scope)
    #expect(
      plan.text == """
        stop container p-web-1 (asked for)
        remove container p-web-1 (asked for)
        remove network p_front (asked for)
        remove volume p_data (volumes were asked for)
        """)
    #expect(plan.usedResources == [.network("p_default")])
  }

  @Test("images go behind the containers")
  func images() {
    var scope = DownScope()
    scope.images = ["nginx"]
    let plan = planDown(observed, dependencies: [:], scope: scope)
    #expect(plan.text.hasSuffix("remove image nginx (images were asked for)"))
    #expect(plan.steps.last?.after == [1, 3, 5])
  }
}

@Suite("verbs that do one thing to each container")
struct EachPlannerTests {
  let containers = [
    ObservedContainer(id: "1", name: "p-web-1", service: "web", number: 1),
    ObservedContainer(id: "2", name: "p-db-1", service: "db", number: 1, status: .exited),
  ]

  @Test(
    "in no order, and what runs is stopped before it is removed",
    arguments: [
      (
        EachVerb.kill(signal: 1),
        "send signal 1 to container p-web-1 (asked for)\nsend signal 1 to container p-db-1 (asked for)"
      ),
      (.pause, "pause container p-web-1 (asked for)\npause container p-db-1 (asked for)"),
      (.unpause, "unpause container p-web-1 (asked for)\nunpause container p-db-1 (asked for)"),
      (
        .remove,
        """
        stop container p-web-1 (asked for)
        remove container p-web-1 (asked for)
        remove container p-db-1 (asked for)
        """
      ),
    ])
  func text(verb: EachVerb, text: String) {
    let plan = planEach(verb, containers)
    #expect(plan.text == text)
    #expect(plan.steps.allSatisfy { $0.after.isEmpty || verb == .remove })
  }
}
