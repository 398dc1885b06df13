// Tables and JSON of listings, letter by letter: the shapes that people read and scripts parse.

import Blueprint

import JSON
import Templating
import Testing

@testable import Console
@testable import Engine
@testable import Store

@Suite("A listing of containers")
struct ContainerListingTests {
  private static let second: Int64 = 1_000_000_000
  private let now = Timestamp(nanoseconds: 1_800_000_000 * Self.second)

  private func ago(_ seconds: Int64) -> Timestamp {
    Timestamp(nanoseconds: now.nanoseconds - seconds * Self.second)
  }

  private func record(
    _ status: ContainerState.Status, _ change: (inout ContainerBlueprint) -> Void = { _ in },
    state: (inout ContainerState) -> Void = { _ in }
  ) -> ContainerRecord {
    var blueprint = ContainerBlueprint(
      id: String(repeating: "0123456789abcdef", count: 4), name: "shop-web-1", createdAt: ago(180),
      image: ImageIdentity(reference: "nginx:1", id: "sha256:1", platform: "linux/amd64"),
      root: RootBlueprint(layers: []),
      process: ProcessBlueprint(
        arguments: ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"], environment: []),
      hostname: "web", network: NetworkBlueprint(mode: .bridge),
      security: SecurityBlueprint(capabilities: []))
    blueprint.labels = ["com.docker.compose.service": "web", "com.docker.compose.project": "shop"]
    change(&blueprint)
    var current = ContainerState(bootID: "b", status: status)
    current.startedAt = ago(120)
    state(&current)
    let isSupervised = [.running, .paused, .restarting].contains(status)
    return ContainerRecord(
      project: "shop", blueprint: blueprint, state: current, isSupervised: isSupervised)
  }

  private func port(_ address: String, _ host: UInt16, _ target: UInt16) -> PublishedPort {
    PublishedPort(transport: .tcp, hostAddress: address, hostPort: host, containerPort: target)
  }

  @Test("has the reference's columns")
  func table() {
    let running = record(.running) { $0.network.ports = [port("", 8080, 80)] }
    #expect(
      psTable([running], now: now, full: false) == """
        NAME         IMAGE     COMMAND                  SERVICE   CREATED         STATUS         \
        PORTS
        shop-web-1   nginx:1   "/docker-entrypoint.…"   web       3 minutes ago   Up 2 minutes   \
        0.0.0.0:8080->80/tcp, [::]:8080->80/tcp

        """)
    #expect(
      psTable([], now: now, full: false)
        == "NAME      IMAGE     COMMAND   SERVICE   CREATED   STATUS    PORTS\n")
  }

  @Test("says who runs a container where a label does")
  func engine() {
    let marked = record(.running) { $0.labels["com.docker.compose.engine"] = "berth" }
    let lines = psTable([marked], now: now, full: false).split(separator: "\n")
    #expect(lines[0].hasSuffix("PORTS     ENGINE"))
    #expect(lines[1].hasSuffix("          berth"))
  }

  @Test(
    "says how a container is",
    arguments: [
      (.created, nil, "Created"), (.running, nil, "Up 2 minutes"),
      (.running, .starting, "Up 2 minutes (health: starting)"),
      (.running, .healthy, "Up 2 minutes (healthy)"),
      (.running, .unhealthy, "Up 2 minutes (unhealthy)"),
      (.paused, .healthy, "Up 2 minutes (Paused)"),
      (.restarting, nil, "Restarting (3) 5 seconds ago"),
      (.exited, nil, "Exited (3) 5 seconds ago"),
    ] as [(ContainerState.Status, HealthState.Status?, String)])
  func status(
    _ status: ContainerState.Status, _ health: HealthState.Status?, _ wanted: String
  ) {
    let row = record(
      status,
      state: { state in
        state.health = health.map { HealthState(status: $0) }
        state.exitCode = 3
        state.finishedAt = ago(5)
      })
    #expect(statusText(row, now: now) == wanted)
  }

  @Test("joins neighbouring ports, and shows those that are exposed alone")
  func ports() {
    let row = record(.running) { blueprint in
      blueprint.network.ports = [
        port("127.0.0.1", 9001, 91), port("127.0.0.1", 9000, 90), port("::1", 81, 80),
      ]
      blueprint.exposes = ["53/udp", "7001/tcp", "7000/tcp", "90/tcp"]
    }
    #expect(
      portsText(row)
        == "127.0.0.1:9000-9001->90-91/tcp, [::1]:81->80/tcp, 7000-7001/tcp, 53/udp")
    #expect(portsText(record(.exited) { $0.exposes = ["80/tcp"] }) == "")
    #expect(
      portsText(
        record(.running) {
          $0.network = NetworkBlueprint(mode: .host)
          $0.exposes = ["80/tcp"]
        }) == "")
  }

  @Test("is one object of JSON for each, in the order of their names")
  func json() throws {
    let running = record(.running) { blueprint in
      blueprint.network.ports = [port("0.0.0.0", 8080, 80)]
      blueprint.labels["com.example.a"] = "<b>"
      blueprint.exposes = ["443/tcp"]
    }
    #expect(
      psListing([running], now: now, full: false).lines == """
        {"Command":"\\"/docker-entrypoint.…\\"","CreatedAt":"2027-01-15 07:57:00 +0000 UTC",\
        "Engine":"","ExitCode":0,"Health":"","ID":"0123456789ab","Image":"nginx:1",\
        "Labels":"com.docker.compose.project=shop,com.docker.compose.service=web,\
        com.example.a=\\u003cb\\u003e","LocalVolumes":"0","Mounts":"","Name":"shop-web-1",\
        "Names":"shop-web-1","Networks":"","OOMKilled":false,\
        "Ports":"0.0.0.0:8080-\\u003e80/tcp, 443/tcp","Project":"shop",\
        "Publishers":[{"URL":"0.0.0.0","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"},\
        {"URL":"","TargetPort":443,"PublishedPort":0,"Protocol":"tcp"}],\
        "RunningFor":"3 minutes ago","Service":"web","Size":"0B","State":"running",\
        "Status":"Up 2 minutes"}

        """)
    #expect(psListing([], now: now, full: false).lines == "")
  }

  @Test("fills in templates by its fields")
  func template() throws {
    let listing = psListing(
      [record(.running) { $0.labels["com.example.tier"] = "front" }], now: now, full: true)
    func text(_ format: String) throws -> String { try listing.text(ListingTemplate(format)) }
    #expect(
      try text(#"table {{.ID}}\t{{.RunningFor}}\t{{.OOMKilled}}"#).hasPrefix("CONTAINER ID   "))
    #expect(try text(#"{{.Label "com.example.tier"}} {{len .ID}}"#) == "front 64\n")
    #expect(throws: TemplateFault.self) { try text("{{.Nothing}}") }
  }
}

@Suite("Other listings")
struct OtherListingTests {
  @Test("of images have the reference's columns and keys")
  func images() {
    var row = ContainerImage(
      container: "shop-web-1", repository: "nginx", tag: "1", platform: "linux/amd64",
      id: "sha256:0123456789abcdef", size: 1_234_567)
    let now = Timestamp(nanoseconds: 0)
    #expect(
      imagesTable([row], now: now) == """
        CONTAINER           REPOSITORY          TAG                 PLATFORM            \
        IMAGE ID            SIZE                CREATED
        shop-web-1          nginx               1                   linux/amd64         \
        0123456789ab        1.23MB              N/A

        """)
    row.created = "2026-01-31T12:00:00Z"
    row.taggedAt = Timestamp(nanoseconds: 1_800_000_000_500_000_000)
    #expect(
      imagesListing([row]).array == """
        [{"ID":"sha256:0123456789abcdef","ContainerName":"shop-web-1","Repository":"nginx",\
        "Tag":"1","Platform":"linux/amd64","Size":1234567,"Created":"2026-01-31T12:00:00Z",\
        "LastTagTime":"2027-01-15T08:00:00.5Z"}]
        """)
  }

  @Test("of projects and volumes have them too")
  func projectsAndVolumes() {
    let projects = [
      ProjectRow(name: "shop", states: ["running": 2, "exited": 1], files: "/srv/compose.yaml"),
      ProjectRow(name: "bare", states: ["running": 1], files: ""),
    ]
    #expect(
      projectsTable(projects) == """
        NAME                STATUS                  CONFIG FILES
        shop                exited(1), running(2)   /srv/compose.yaml
        bare                running(1)              N/A

        """)
    #expect(projectsListing([]).array == "[]")
    let volumes = [VolumeRow(name: "shop_data", labels: ["b": "2", "a": "1"], mountpoint: "/v")]
    #expect(volumesTable(volumes) == "DRIVER    VOLUME NAME\nlocal     shop_data\n")
    #expect(
      volumesListing(volumes).lines == """
        {"Availability":"N/A","Driver":"local","Group":"N/A","Labels":"a=1,b=2","Links":"N/A",\
        "Mountpoint":"/v","Name":"shop_data","Scope":"local","Size":"N/A","Status":"N/A"}

        """)
  }
}
