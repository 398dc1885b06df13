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
}
