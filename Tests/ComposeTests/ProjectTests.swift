// The typed project and what `config` prints.

@testable import Compose
import Diagnostics
import Testing

@Suite("the typed service holds what the engine acts on")
struct ServiceTests {
  static let file = """
    services:
      web:
        image: nginx
        init: true
        user: "1:2"
        restart: on-failure:3
        stop_signal: SIGINT
        stop_grace_period: 1m
        cpus: "0.5"
        mem_limit: 64m
        pids_limit: 100
        deploy: {replicas: 2}
        healthcheck: {test: curl x, interval: 2s, retries: "4", start_period: 1s, disable: false}
        ports: ["127.0.0.1:8000-8001:80/udp"]
        networks: {front: {aliases: [w], ipv4_address: 10.0.0.2, priority: 5}}
        volumes:
          - data:/data
          - {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}
        ulimits: {nofile: 5, core: {soft: 1, hard: -1}}
        extra_hosts: ["h:1.2.3.4"]
        logging: {driver: local, options: {max-size: 1m, max-file: 3}}
        attach: false
        environment: [A=1, GONE]
    networks:
      front: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}, internal: true}
    volumes: {data: {labels: [a=b]}, unused: }
    """

  @Test("field by field")
  func fields() throws {
    let project = try loaded(Self.file).project
    let web = try #require(project.service("web"))
    #expect(web.usesInit && !web.attaches && web.user == "1:2" && web.replicas == 2)
    #expect(web.restart == RestartRule(condition: .onFailure, maximumRetries: 3))
    #expect(web.stopSignal == "SIGINT" && web.stopGracePeriod == .seconds(60))
    #expect(web.limits.cpus == 0.5 && web.limits.pids == 100)
    #expect(web.limits.memory == ByteCount(64 << 20))
    #expect(
      web.healthcheck
        == Healthcheck(
          test: .shell("curl x"), interval: .seconds(2), timeout: nil, startPeriod: .seconds(1),
          startInterval: nil, retries: 4))
    #expect(web.ports.map(\.published) == [8000...8001])
    #expect(web.ports.map(\.hostIP) == ["127.0.0.1"])
    #expect(web.ports.map(\.transport) == [.udp])
    #expect(web.networks.map(\.aliases) == [["w"]] && web.networks.first?.priority == 5)
    #expect(
      web.mounts.map(\.kind) == [
        .volume(key: "data", noCopy: false, subpath: nil),
        .tmpfs(size: ByteCount(1 << 20), mode: 0o700),
      ])
    #expect(
      web.ulimits == [
        Ulimit(name: "nofile", soft: 5, hard: 5), Ulimit(name: "core", soft: 1, hard: -1),
      ])
    #expect(web.extraHosts == [KeyValue("h", "1.2.3.4")])
    #expect(web.logging?.options == [KeyValue("max-size", "1m"), KeyValue("max-file", "3")])
    #expect(web.environment.map(\.value) == ["1", nil])
    #expect(project.network("front")?.pools.first?.gateway == "10.0.0.1")
    #expect(project.network("front")?.isInternal == true)
    #expect(project.volumes.map(\.name) == ["shop_data"])
    #expect(project.volumes.first?.labels == [KeyValue("a", "b")])
  }

  @Test(
    "null keeps, empty clears",
    arguments: [("", nil), ("[]", []), ("''", []), ("x y", ["x", "y"])]
      as [(String, [String]?)])
  func commands(text: String, expected: [String]?) throws {
    let web = try loaded("services:\n  a:\n    image: i\n    command: \(text)\n").project.service(
      "a")
    #expect(web?.command == expected)
  }

  @Test("env files under the environment, labels over label files")
  func files() throws {
    let folder = Folder([
      "compose.yaml": """
      services:
        a:
          image: i
          env_file: [one.env, {path: two.env, format: raw}, {path: gone.env, required: false}]
          environment: {B: own}
          label_file: l.env
          labels: {y: own}
      """,
      "one.env": "A=1\nB=1\nC=$B\n", "two.env": "A='2'\n", "l.env": "x=1\ny=1\n",
    ])
    let project = try folder.load().project
    #expect(
      try json(project, "services", "a", "environment") == #"{"A":"'2'","B":"own","C":"own"}"#)
    #expect(try json(project, "services", "a", "labels") == #"{"x":"1","y":"own"}"#)
    #expect(try json(project, "services", "a", "env_file") == "absent")
  }

  @Test("the hash input knows what a recreate depends on and nothing else")
  func hash() throws {
    func input(_ extra: String) throws -> [UInt8]? {
      try loaded("services: {a: {image: i, \(extra)}, b: {image: i}}").project.service("a")?
        .configHashInput
    }
    let plain = try input("tty: false")
    for same in [
      "scale: 3", "pull_policy: always", "depends_on: [b]", "profiles: []", "build: .",
      "cap_add: []",
    ] {
      #expect(try input(same) == plain, "\(same)")
    }
    for other in ["tty: true", "environment: {A: 1}", "ports: [80]", "networks: [default]"] {
      let differs = try input(other) != plain
      #expect(differs == (other != "networks: [default]"), "\(other)")
    }
  }

  @Test("what up does not act on is told, with its place")
  func unsupported() throws {
    let project = try loaded(
      """
      services:
        a:
          image: i
          pid: all
          use_api_socket: true
          cpu_count: 5
          volumes: [{type: npipe, source: x, target: y}]
          container_name: "-xy"
      networks: {default: {driver: overlay}}
      """
    ).project
    let found = project.unsupportedByUp()
    #expect(
      found.map { "\($0.severity.rawValue) \($0.span?.line ?? 0) \($0.summary)" } == [
        "error 4 `services.a.pid` cannot be `all` for `up`",
        "error 5 `services.a.use_api_socket` is not supported by `up`",
        "error 7 `services.a.volumes.0.type` cannot be `npipe` for `up`",
        "error 8 `services.a.container_name` may hold letters, digits, `_`, `.` and `-`, and begins with a letter or digit",
        "error 9 `networks.default.driver` cannot be `overlay` for `up`",
        "warning 6 `services.a.cpu_count` has no effect",
      ])
    #expect(try loaded(Self.file).project.unsupportedByUp().isEmpty)
  }
}

@Suite("config prints what can be loaded again")
struct PrintingTests {
  private static let golden = """
    name: shop
    services:
      web:
        attach: false
        cpus: 0.5
        deploy:
          replicas: 2
        environment:
          A: "1"
          GONE: null
        extra_hosts:
          - h=1.2.3.4
        healthcheck:
          test:
            - CMD-SHELL
            - curl x
          interval: 2s
          retries: 4
          start_period: 1s
        image: nginx
        init: true
        logging:
          driver: local
          options:
            max-file: "3"
            max-size: 1m
        mem_limit: "67108864"
        networks:
          front:
            aliases:
              - w
            ipv4_address: 10.0.0.2
            priority: 5
        pids_limit: 100
        ports:
          - mode: ingress
            host_ip: 127.0.0.1
            target: 80
            published: 8000-8001
            protocol: udp
        restart: on-failure:3
        stop_grace_period: 1m0s
        stop_signal: SIGINT
        ulimits:
          core:
            soft: 1
            hard: -1
          nofile: 5
        user: "1:2"
        volumes:
          - type: volume
            source: data
            target: /data
            volume: {}
          - type: tmpfs
            target: /t
            tmpfs:
              size: "1048576"
              mode: 448
    networks:
      front:
        name: shop_front
        ipam:
          config:
            - subnet: 10.0.0.0/24
              gateway: 10.0.0.1
        internal: true
    volumes:
      data:
        name: shop_data
        labels:
          a: b

    """

  @Test("yaml")
  func yaml() throws {
    let project = try loaded(ServiceTests.file).project
    #expect(String(decoding: project.canonicalYAML(), as: UTF8.self) == Self.golden)
  }

  @Test("loading what was printed prints the same", arguments: ["yaml", "json"])
  func again(format: String) throws {
    let file = """
      services:
        a:
          image: i
          command: ["sh", "-c", "echo $$HOME: #x", "", "- a", "multi\\nline\\n", "yes", "0x1", "é\\t"]
          environment: {N: "null", D: "2020-01-01", S: " x ", Q: "it's", Y: "'", C: "a: b", P: "80:80"}
          ports: ["80:80"]
          labels: {"a b": "*x", "1": "!y"}
      """
    let first = try loaded(file).project
    let printed = format == "yaml" ? first.canonicalYAML() : first.canonicalJSON()
    let second = try loaded(String(decoding: printed, as: UTF8.self)).project
    #expect(second.canonicalJSON() == first.canonicalJSON())
    #expect(second.service("a")?.command == first.service("a")?.command)
    #expect(first.service("a")?.command?[2] == "echo $HOME: #x")
  }

  @Test("without interpolation variables stay, and are no faults")
  func raw() throws {
    let folder = Folder([
      "compose.yaml": "services: {a: {image: 'i:${T:?x}', scale: '${N}', ports: ['${P}:80']}}\n"
    ])
    let project = try folder.load { $0.skipsInterpolation = true }.project
    #expect(try json(project, "services", "a", "image") == #""i:$${T:?x}""#)
  }
}
