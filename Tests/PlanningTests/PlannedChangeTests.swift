// A plan by the things that it is about.

import Blueprint
import Planning
import Testing

@Suite("a plan tells what becomes of each thing")
struct PlannedChangeTests {
  let base = UpPlannerTests()

  private func told(_ plan: Plan) -> String {
    plan.changes.map { "\($0.kind.rawValue) \($0.name) \($0.action.rawValue) (\($0.cause))" }
      .joined(separator: "\n")
  }

  @Test("making, making anew, starting, going round, going")
  func actions() {
    let web = base.service("web", needs: [Dependency(service: "db", restarts: true)])
    var policy = UpPolicy()
    policy.removesOrphans = true
    let plan = base.plan(
      [web, base.service("db", hash: "new"), base.service("idle"), base.service("more")],
      [
        base.container("web"), base.container("db"), base.container("idle", status: .exited),
        base.container("old"),
      ], networks: [ObservedResource(name: "p_default")], policy: policy)
    #expect(
      told(plan) == """
        container p-old-1 remove (its service is no longer in the project)
        container p-db-1 recreate (its configuration changed)
        container p-more-1 create (it does not exist)
        container p-web-1 restart (db was recreated)
        container p-idle-1 start (it had exited)
        """)
  }

  @Test("a network that goes and comes is made anew, and so are those on it")
  func network() {
    let plan = base.plan(
      [base.service("web")], [base.container("web")],
      networks: [ObservedResource(name: "p_default", configHash: "old")])
    #expect(
      told(plan) == """
        container p-web-1 recreate (network p_default changed)
        network p_default recreate (its configuration changed)
        """)
  }

  @Test("a container under a new name is one thing with the old one")
  func renamed() throws {
    var service = base.service("web", hash: "new")
    service.containerName = "front"
    let plan = base.plan([service], [base.container("web")])
    let change = try #require(plan.changes.first)
    #expect(plan.changes.count == 1)
    #expect(
      change.name == "front" && change.replaced == "p-web-1" && change.action == .recreate)
  }

  @Test("images to be fetched come first")
  func pulls() {
    var plan = base.plan([base.service("web")], [base.container("web")])
    #expect(plan.isEmpty)
    plan.pulls = ["nginx"]
    #expect(!plan.isEmpty && plan.text == "pull image nginx (it is not here)")
    #expect(told(plan) == "image nginx pull (it is not here)")
  }

  @Test("down")
  func down() {
    let observed = Observed(
      containers: [base.container("web"), base.container("db", status: .exited)],
      networks: [ObservedResource(name: "p_default")])
    let plan = planDown(observed, dependencies: [:], scope: DownScope())
    #expect(
      told(plan) == """
        container p-web-1 remove (asked for)
        container p-db-1 remove (asked for)
        network p_default remove (asked for)
        """)
  }
}
