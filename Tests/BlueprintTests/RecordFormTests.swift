// The shim reads and writes records by hand: its form must be the one that `Codable` has.

import Blueprint
import JSON
import Testing

@Suite("Records read and written by hand have the form of Codable")
struct RecordFormTests {
  @Test("blueprints, sparse and with everything in them", arguments: [sparse, full])
  func blueprint(_ blueprint: ContainerBlueprint) throws {
    let json = try JSONValue(parsing: JSONValue(encoding: blueprint).bytes())
    #expect(try ContainerBlueprint(json: json) == blueprint)
  }

  @Test("every mode, policy, mount, driver and probe")
  func cases() throws {
    var blueprint = Self.sparse
    for mode in [NetworkBlueprint.Mode.bridge, .none, .host, .container("abc")] {
      blueprint.network.mode = mode
      try check(blueprint)
    }
    var namespaces = NamespacesBlueprint()
    for pid in [NamespacesBlueprint.Processes.own, .host, .container("abc")] {
      namespaces.pid = pid
      blueprint.namespaces = namespaces
      try check(blueprint)
    }
    for ipc in [NamespacesBlueprint.Interprocess.none, .own, .shareable, .host, .container("abc")] {
      namespaces.ipc = ipc
      blueprint.namespaces = namespaces
      try check(blueprint)
    }
    for policy in [
      RestartPolicy.no, .always, .unlessStopped, .onFailure(attempts: nil), .onFailure(attempts: 3),
    ] {
      blueprint.restart = policy
      try check(blueprint)
    }
    for input in [ProcessBlueprint.Input.none, .open, .openOnce] {
      blueprint.process.input = input
      try check(blueprint)
    }
    blueprint.log.driver = .none
    try check(blueprint)
    blueprint.health = HealthBlueprint(probe: .exec(["a", Bytes([0xFF, 0x41])]))
    try check(blueprint)
  }

  private func check(_ blueprint: ContainerBlueprint) throws {
    #expect(try ContainerBlueprint(json: JSONValue(encoding: blueprint)) == blueprint)
  }

  static let mistakes: [(String, JSONValue)] = [
    ("id", .null), ("hostname", 7), ("mounts", "x"), ("restart", ["fly": [:] as JSONValue]),
    ("network", [:]), ("stop", ["signal": 99_999_999_999, "grace": 1]),
  ]

  @Test("a missing or mistaken member is refused by its name", arguments: mistakes)
  func refused(_ member: String, _ value: JSONValue) throws {
    var object = try #require(JSONValue(encoding: Self.full).object)
    object[member] = value
    let error = #expect(throws: JSONError.self) { try ContainerBlueprint(json: .object(object)) }
    #expect(error?.description.contains(member) == true)
  }

  @Test("states, sparse and with everything in them")
  func state() throws {
    var state = ContainerState(bootID: "boot", status: .created)
    #expect(try state.json.decode(ContainerState.self) == state)
    for status in [
      ContainerState.Status.running, .paused, .restarting, .exited, .dead,
    ] {
      state.status = status
      #expect(try state.json.decode(ContainerState.self) == state)
    }
    state.pid = 1
    state.shimPid = 2
    state.startedAt = Timestamp(nanoseconds: 1_700_000_000_000_000_001)
    state.finishedAt = Timestamp(nanoseconds: 3)
    state.exitCode = 137
    state.oomKilled = true
    state.restartCount = 4
    state.failure = "it \"failed\""
    state.stoppedByUser = true
    state.health = HealthState(
      status: .unhealthy, failingStreak: 3,
      results: [
        .init(
          startedAt: Timestamp(nanoseconds: 5), endedAt: Timestamp(nanoseconds: 6), exitCode: -1,
          output: Bytes([0x41, 0xFF, 0x00]))
      ])
    #expect(try JSONValue(parsing: state.json.bytes()).decode(ContainerState.self) == state)
  }

  static let sparse = ContainerBlueprint(
    id: "0123", name: "shop-web-1", createdAt: Timestamp(nanoseconds: 5),
    image: ImageIdentity(reference: "web", id: "sha256:1", platform: "linux/amd64"),
    root: RootBlueprint(layers: ["/a"]),
    process: ProcessBlueprint(arguments: ["sh"], environment: []), hostname: "web",
    network: NetworkBlueprint(mode: .none), security: SecurityBlueprint(capabilities: []))

  static let full: ContainerBlueprint = {
    var blueprint = sparse
    blueprint.labels = ["a": "b", "c.d": ""]
    blueprint.root = RootBlueprint(layers: ["/a", Bytes([0x2F, 0xFE])], readOnly: true)
    blueprint.process = ProcessBlueprint(
      arguments: ["sh", "-c"], environment: ["A=1", Bytes([0x42, 0x3D, 0xFF])],
      workingDirectory: "/w", user: "1:2")
    blueprint.process.additionalGroups = ["audio", "7"]
    blueprint.process.terminal = true
    blueprint.process.usesInit = true
    blueprint.domainname = "example"
    blueprint.annotations = ["note": "kept"]
    blueprint.exposes = ["80/tcp"]
    blueprint.mounts = [
      .volume(name: "data", source: "/s", target: "/t", readOnly: true, fillFromImage: false),
      .bind(source: "/b", target: "/c", readOnly: false, createSource: true, propagation: nil),
      .bind(source: "/b", target: "/d", readOnly: false, createSource: false, propagation: "slave"),
      .tmpfs(target: "/tmp", size: 1 << 40, mode: 0o1777, options: ["noexec"]),
      .tmpfs(target: "/tmp2", size: nil, mode: nil, options: []),
      .volume(
        name: "share", source: "/s", target: "/t2", readOnly: false, fillFromImage: true,
        subpath: "a/b",
        driver: VolumeDriver(type: "nfs", device: "host:/x", options: ["addr=10.0.0.1", "ro"])),
      .bind(
        source: "/b", target: "/e", readOnly: true, createSource: false, propagation: nil,
        recursion: .readOnly, owner: OwnerMap(user: 1000, group: nil)),
      .image(id: "sha256:2", layers: ["/l", "/m"], target: "/i", subpath: "etc"),
    ]
    var secret = GivenFile(
      kind: .secret, name: "token", source: .handed(variable: "TOKEN"), target: "/run/secrets/token"
    )
    (secret.uid, secret.gid, secret.mode) = (1, 2, 0o440)
    blueprint.files = [
      secret, GivenFile(kind: .config, name: "a", source: .kept(name: "0"), target: "/a"),
      GivenFile(kind: .config, name: "b", source: .host(path: "/b"), target: "/b"),
    ]
    blueprint.network = network
    blueprint.namespaces = namespaces
    blueprint.security.capabilities = ["CHOWN", "KILL"]
    blueprint.security.seccompFilter = "/f"
    blueprint.security.maskedPaths = ["/m"]
    blueprint.security.readOnlyPaths = ["/r"]
    blueprint.security.noNewPrivileges = true
    blueprint.security.privileged = true
    blueprint.security.sysctls = ["net.core.somaxconn": "5"]
    blueprint.security.devices = [DeviceBlueprint(source: "/d", target: "/e", permissions: "rw")]
    blueprint.security.devices[0].mode = 0o640
    blueprint.security.devices[0].user = 1
    blueprint.security.devices[0].group = 2
    blueprint.security.deviceRules = ["c 1:3 r"]
    blueprint.security.appArmorProfile = "p"
    blueprint.security.writableCgroups = true
    blueprint.resources = resources
    blueprint.stop.signal = 3
    blueprint.stop.grace = Nanoseconds(-1)
    blueprint.restart = .onFailure(attempts: 2)
    blueprint.health = HealthBlueprint(probe: .shell("true", shell: ["/bin/sh", "-c"]))
    blueprint.health?.startPeriod = .seconds(4)
    blueprint.health?.retries = 9
    blueprint.log.segmentSize = 5
    blueprint.log.segmentCount = 6
    blueprint.removeOnExit = true
    return blueprint
  }()

  private static var network: NetworkBlueprint {
    var network = NetworkBlueprint(mode: .bridge)
    network.endpoints = [
      EndpointBlueprint(
        network: "shop_default", bridge: "br-1", hostInterface: "v1", interface: "eth0",
        address: "10.0.0.2", prefixLength: 24, gateway: nil, hardwareAddress: "02:00",
        names: ["web", "a"], isInternal: true, isPrimary: false),
      EndpointBlueprint(
        network: "n", bridge: "br-2", hostInterface: "v2", interface: "eth1",
        address: "10.0.1.2", prefixLength: 16, gateway: "10.0.1.1", hardwareAddress: "02:01",
        names: [], isInternal: false, isPrimary: true),
    ]
    network.ports = [
      PublishedPort(transport: .tcp, hostAddress: "0.0.0.0", hostPort: 65535, containerPort: 80),
      PublishedPort(transport: .udp, hostAddress: "::", hostPort: 0, containerPort: 53),
    ]
    network.extraHosts = [HostEntry(name: "h", address: "1.2.3.4")]
    network.nameServers = ["9.9.9.9"]
    network.searchDomains = ["example"]
    network.resolverOptions = ["ndots:2"]
    return network
  }

  private static var namespaces: NamespacesBlueprint {
    var namespaces = NamespacesBlueprint()
    namespaces.pid = .container("0123")
    namespaces.ipc = .shareable
    namespaces.uts = .host
    namespaces.cgroup = .host
    namespaces.cgroupParent = ["a", "b c"]
    return namespaces
  }

  private static var resources: ResourceLimits {
    var resources = ResourceLimits()
    resources.memory = .max
    resources.memoryReservation = 2
    resources.memorySwap = -1
    resources.memorySwappiness = 60
    resources.disablesOutOfMemoryKill = true
    resources.realtimePeriod = 7
    resources.realtimeRuntime = -1
    resources.blockWeight = 500
    resources.blockDevices = [BlockDeviceBlueprint(kind: .weight, path: "/b", value: .max)]
    resources.cpuQuota = 50_000
    resources.cpuPeriod = 100_000
    resources.cpuShares = 512
    resources.cpuset = "0-1"
    resources.pids = -1
    resources.oomScoreAdjustment = -5
    resources.limits = [ProcessLimit(name: "nofile", soft: 1, hard: -1)]
    resources.sharedMemory = 1 << 26
    return resources
  }
}
