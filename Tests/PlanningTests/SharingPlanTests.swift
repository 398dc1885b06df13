// What `up` plans for containers that have something of other containers.

import Blueprint
import Planning
import Testing

@Suite("containers that share namespaces or volumes follow those that they share with")
struct SharingPlanTests {
  let base = UpPlannerTests()

  private func proxy(joins: [String] = ["web"], volumeSources: [String] = []) -> DesiredService {
    var service = base.service("proxy", networks: [])
    service.joins = joins
    service.volumeSources = volumeSources
    service.dependencies = (joins + volumeSources).map {
      Dependency(service: $0, restarts: joins.contains($0))
    }
    return service
  }

  @Test("the joined container is made first, and started first")
  func order() {
    let plan = base.plan([proxy(), base.service("web")])
    #expect(
      plan.text == """
        create container p-web-1 (it does not exist)
        create container p-proxy-1 (it does not exist)
        start container p-web-1 (it does not exist)
        start container p-proxy-1 (it does not exist)
        """)
    #expect(plan.steps[1].after.contains(0))
  }

  @Test("a container whose partner is made anew goes before it and is made after it")
  func recreated() throws {
    let plan = base.plan(
      [proxy(), base.service("web", hash: "new")],
      [base.container("proxy"), base.container("web")])
    #expect(
      plan.text == """
        stop container p-proxy-1 (web was recreated)
        remove container p-proxy-1 (web was recreated)
        stop container p-web-1 (its configuration changed)
        remove container p-web-1 (its configuration changed)
        create container p-web-1 (its configuration changed)
        create container p-proxy-1 (web was recreated)
        start container p-web-1 (its configuration changed)
        start container p-proxy-1 (web was recreated)
        """)
    let stop = try #require(
      plan.steps.first { $0.operation == .stopContainer(service: "web", name: "p-web-1") })
    #expect(stop.after == [1])
  }

  @Test("so does one that mounts its volumes, without going first")
  func volumes() {
    let plan = base.plan(
      [proxy(joins: [], volumeSources: ["web"]), base.service("web", hash: "new")],
      [base.container("proxy"), base.container("web")])
    #expect(plan.text.contains("create container p-proxy-1 (web was recreated)"))
    #expect(plan.text.hasPrefix("stop container p-web-1"))
  }

  @Test("a partner that is started again takes its guests round, one that runs does not")
  func startedAgain() {
    let services = [proxy(), base.service("web")]
    let stopped = base.plan(
      services, [base.container("proxy"), base.container("web", status: .exited)])
    #expect(
      stopped.text == """
        stop container p-proxy-1 (web is started again)
        start container p-web-1 (it had exited)
        start container p-proxy-1 (web is started again)
        """)
    #expect(base.plan(services, [base.container("proxy"), base.container("web")]).isEmpty)
  }

  @Test("one more replica of the partner disturbs nobody")
  func scaled() {
    let plan = base.plan(
      [proxy(), base.service("web", replicas: 2)],
      [base.container("proxy"), base.container("web")])
    #expect(!plan.text.contains("proxy"))
  }

  @Test("a container whose partner is not there any more is made anew")
  func lost() {
    var guest = base.container("proxy")
    guest.hasLostPartner = true
    let plan = base.plan([proxy(joins: [])], [guest])
    #expect(
      plan.text
        == UpPlannerTests.replacement(
          of: "p-proxy-1", because: "a container that it shares with is gone"))
  }
}
