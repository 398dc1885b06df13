import Blueprint
import Planning
import Testing

@Suite("a plan for up holds what lies between the project and what there is")
struct UpPlannerTests {
  func service(
    _ name: String, replicas: Int = 1, hash: String = "h", image: String = "i",
    needs: [Dependency] = [], networks: [String] = ["p_default"], volumes: [String] = []
  ) -> DesiredService {
    DesiredService(
      name: name, replicas: replicas, configHash: hash, imageID: image, dependencies: needs,
      networks: networks, volumes: volumes)
  }

  func container(
    _ service: String, _ number: Int = 1, hash: String = "h", image: String = "i",
    status: ObservedContainer.Status = .running
  ) -> ObservedContainer {
    ObservedContainer(
      id: "\(service)\(number)", name: "p-\(service)-\(number)", service: service, number: number,
      configHash: hash, imageID: image, status: status, networks: ["p_default"])
  }

  func plan(
    _ services: [DesiredService], _ containers: [ObservedContainer] = [],
    networks: [ObservedResource] = [ObservedResource(name: "p_default")],
    policy: UpPolicy = UpPolicy(), known: Set<String>? = nil, volumes: [DesiredResource] = []
  ) -> Plan {
    planUp(
      DesiredProject(
        name: "p", services: services, networks: [DesiredResource(name: "p_default")],
        volumes: volumes),
      observed: Observed(containers: containers, networks: networks),
      allServices: known ?? Set(services.map(\.name)), policy: policy)
  }

  /// The steps of one container made anew beside the old one.
  static func replacement(of name: String, because cause: String) -> String {
    """
    create container \(name) beside the old one (\(cause))
    stop container \(name) (\(cause))
    remove container \(name) (\(cause))
    put the new container \(name) in its place (\(cause))
    start container \(name) (\(cause))
    """
  }

  @Test("a running container that was taken off a network is made anew")
  func disconnected() {
    let wanted = service("web", networks: ["p_default", "p_back"])
    let plan = plan([wanted], [container("web")])
    #expect(
      plan.text
        == Self.replacement(of: "p-web-1", because: "it is not on network p_back any more"))
  }

  @Test("from nothing: network, all containers, then starts behind their dependencies")
  func fromNothing() {
    let web = service("web", needs: [Dependency(service: "db", condition: .healthy)])
    let plan = plan(
      [web, service("db", volumes: ["p_data"])], networks: [],
      volumes: [DesiredResource(name: "p_data")])
    #expect(
      plan.text == """
        create network p_default (it does not exist)
        create volume p_data (it does not exist)
        create container p-db-1 (it does not exist)
        create container p-web-1 (it does not exist)
        start container p-db-1 (it does not exist)
        wait for db to be healthy before web (depends_on)
        start container p-web-1 (it does not exist)
        """)
    let index = { (text: String) in plan.steps.firstIndex { $0.operation.text == text } ?? -1 }
    let wait = plan.steps[index("wait for db to be healthy before web")]
    #expect(wait.after.contains(index("start container p-db-1")))
    let start = plan.steps[index("start container p-web-1")]
    #expect(start.after.contains(index("wait for db to be healthy before web")))
    let create = plan.steps[index("create container p-db-1")]
    #expect(create.after == [0, 1])
  }

  @Test("unchanged and running: nothing")
  func unchanged() {
    #expect(plan([service("web")], [container("web")]).isEmpty)
  }

  @Test("only what changed is made anew")
  func changed() {
    let plan = plan(
      [service("web", hash: "new"), service("db")], [container("web"), container("db")])
    #expect(
      plan.text == Self.replacement(of: "p-web-1", because: "its configuration changed"))
  }

  @Test("old containers go only when everything has been made, and what is new starts after that")
  func replacementOrder() throws {
    let plan = plan(
      [service("web", hash: "new"), service("db", hash: "new"), service("more")],
      [container("web"), container("db")])
    let barrier = try #require(plan.steps.firstIndex { $0.operation == .everythingCreated })
    let creations = plan.steps.indices.filter { plan.steps[$0].operation.creates }
    #expect(creations.count == 3)
    var renames: Set<Int> = []
    for name in ["web", "db"] {
      let (stop, remove, rename, start) = (
        plan.index(.stopContainer(service: name, name: "p-\(name)-1")),
        plan.index(.removeContainer(service: name, name: "p-\(name)-1")),
        plan.index(.renameReplacement(service: name, name: "p-\(name)-1", of: "p-\(name)-1")),
        plan.index(.startContainer(service: name, name: "p-\(name)-1"))
      )
      #expect(plan.steps[try #require(stop)].after == Set(creations))
      #expect(plan.steps[try #require(remove)].after == [try #require(stop)])
      #expect(plan.steps[try #require(rename)].after == [try #require(remove)])
      #expect(plan.steps[try #require(start)].after.contains(barrier))
      renames.insert(try #require(rename))
    }
    #expect(plan.steps[barrier].after == renames.union(creations))
  }

  @Test("with --no-start what is new takes its place all the same")
  func replacedWithoutStart() {
    var policy = UpPolicy()
    policy.startsContainers = false
    let plan = plan([service("web", hash: "new")], [container("web")], policy: policy)
    #expect(
      plan.text
        == Self.replacement(of: "p-web-1", because: "its configuration changed")
        .split(separator: "\n").dropLast().joined(separator: "\n"))
  }

  @Test("what is mounted and was is compared: an image that is mounted, a volume that is expected")
  func mounts() {
    var tools = service("web")
    tools.mountedImages = "tools=sha256:1"
    #expect(
      plan([tools], [container("web")]).text
        == Self.replacement(of: "p-web-1", because: "an image that it mounts changed"))
    let data = service("web", volumes: ["p_data"])
    let plan = planUp(
      DesiredProject(
        name: "p", services: [data], networks: [DesiredResource(name: "p_default")],
        volumes: [DesiredResource(name: "p_data")]),
      observed: Observed(
        containers: [container("web")], networks: [ObservedResource(name: "p_default")],
        volumes: [ObservedResource(name: "p_data")]), allServices: ["web"], policy: UpPolicy())
    #expect(
      plan.text == Self.replacement(of: "p-web-1", because: "it is without volume p_data"))
  }

  @Test("an image that is not here yet says nothing against a container")
  func unknownImage() {
    var service = service("web")
    service.imageID = nil
    #expect(plan([service], [container("web")]).isEmpty)
  }

  @Test("names are joined as the project says")
  func separator() {
    let desired = { (separator: String) in
      var project = DesiredProject(name: "p", services: [self.service("web", networks: [])])
      project.separator = separator
      return planUp(
        project, observed: Observed(), allServices: ["web"], policy: UpPolicy()
      ).text
    }
    #expect(desired("_").hasPrefix("create container p_web_1 "))
    #expect(desired("-").hasPrefix("create container p-web-1 "))
  }

  @Test(
    "a one-off is an orphan when it has ended, whatever its service",
    arguments: [
      (ObservedContainer.Status.exited, true), (.dead, true), (.running, false), (.created, false),
      (.paused, false),
    ])
  func oneOffs(status: ObservedContainer.Status, isOrphan: Bool) {
    var oneOff = container("web", 9, status: status)
    oneOff.isOneOff = true
    #expect(plan([service("web")], [container("web"), oneOff]).orphans.isEmpty == !isOrphan)
  }

  @Test(
    "a container that does not run is started as it is",
    arguments: [
      (ObservedContainer.Status.exited, "it had exited"), (.created, "it was created"),
      (.dead, "it had exited"),
    ])
  func stopped(status: ObservedContainer.Status, cause: String) {
    #expect(
      plan([service("web")], [container("web", status: status)]).text
        == "start container p-web-1 (\(cause))")
  }

  @Test("scaling keeps numbers: down from the highest, up from the highest plus one")
  func scaling() {
    let three = [container("web", 1), container("web", 2), container("web", 4)]
    #expect(
      plan([service("web", replicas: 2)], three).text == """
        stop container p-web-4 (the service has 2 replicas)
        remove container p-web-4 (the service has 2 replicas)
        """)
    #expect(
      plan([service("web", replicas: 4)], three).text == """
        create container p-web-5 (it does not exist)
        start container p-web-5 (it does not exist)
        """)
    let stale = [container("web", 1, hash: "old"), container("web", 2)]
    #expect(
      plan([service("web")], stale).text == """
        stop container p-web-1 (the service has 1 replicas)
        remove container p-web-1 (the service has 1 replicas)
        """)
  }

  @Test("a changed network takes its containers along")
  func changedNetwork() {
    let plan = plan(
      [service("web")], [container("web")],
      networks: [ObservedResource(name: "p_default", configHash: "old")])
    #expect(
      plan.text == """
        stop container p-web-1 (network p_default changed)
        remove container p-web-1 (network p_default changed)
        remove network p_default (its configuration changed)
        create network p_default (its configuration changed)
        create container p-web-1 (network p_default changed)
        start container p-web-1 (network p_default changed)
        """)
  }

  @Test("orphans are named, and removed only when asked for")
  func orphans() {
    let old = container("old")
    #expect(plan([service("web")], [container("web"), old]).orphans == ["p-old-1"])
    var policy = UpPolicy()
    policy.removesOrphans = true
    #expect(
      plan([service("web")], [container("web"), old], policy: policy).text == """
        stop container p-old-1 (its service is no longer in the project)
        remove container p-old-1 (its service is no longer in the project)
        """)
    #expect(plan([service("web")], [container("web"), old], known: ["web", "old"]).orphans == [])
  }

  @Test(
    "what is made or started waits until orphans are gone: it may want their ports and addresses")
  func orphansFirst() throws {
    var policy = UpPolicy()
    policy.removesOrphans = true
    let stopped = container("db", status: .exited)
    let plan = plan(
      [service("web"), service("db")], [container("old"), stopped], policy: policy)
    let removal = try #require(
      plan.steps.firstIndex {
        $0.operation == .removeContainer(service: "old", name: "p-old-1")
      })
    let later = plan.steps.filter {
      switch $0.operation {
      case .createContainer, .startContainer: true
      default: false
      }
    }
    #expect(later.count == 3 && later.allSatisfy { $0.after.contains(removal) })
  }

  @Test("policies: force only what was named, never, no start")
  func policies() {
    let services = [
      service("web", needs: [Dependency(service: "db")]), service("db", hash: "h"),
    ]
    let present = [container("web"), container("db")]
    var force = UpPolicy()
    force.recreate = .always
    force.selected = ["web"]
    #expect(!plan(services, present, policy: force).text.contains("p-db-1"))
    var never = UpPolicy()
    never.recreate = .never
    #expect(plan([service("web", hash: "x")], [container("web")], policy: never).isEmpty)
    var idle = UpPolicy()
    idle.startsContainers = false
    #expect(
      plan([service("web")], policy: idle).text
        == "create container p-web-1 (it does not exist)")
  }

  @Test("restart: true sends dependents round when what they need was made anew")
  func restarts() {
    let web = service("web", needs: [Dependency(service: "db", restarts: true)])
    let plan = plan([web, service("db", hash: "new")], [container("web"), container("db")])
    #expect(plan.text.hasSuffix("start container p-web-1 (db was recreated)"))
    #expect(plan.text.contains("stop container p-web-1 (db was recreated)"))
  }
}

extension ObservedContainer {
  typealias Status = Blueprint.ContainerState.Status
}

extension Plan {
  func index(_ operation: Planning.Operation) -> Int? {
    steps.firstIndex { $0.operation == operation }
  }
}

extension Planning.Operation {
  var creates: Bool {
    switch self {
    case .createContainer, .createReplacement: true
    default: false
    }
  }
}
