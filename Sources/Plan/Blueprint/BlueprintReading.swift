// A container's blueprint as the shim reads it: the form that `Codable` writes, member by member.
// A test compares both ways for a blueprint that has everything.

package import JSON

extension ContainerBlueprint {
  package init(json: JSONValue) throws(JSONError) {
    let record = try RecordReader(json)
    self.init(
      id: try record.string("id"), name: try record.string("name"),
      createdAt: Timestamp(nanoseconds: try record.integer("createdAt")),
      image: try ImageIdentity(record.record("image")),
      root: try RootBlueprint(record.record("root")),
      process: try ProcessBlueprint(record.record("process")),
      hostname: try record.string("hostname"),
      network: try NetworkBlueprint(record.record("network")),
      security: try SecurityBlueprint(record.record("security")))
    version = Int(try record.integer("version"))
    labels = try record.table("labels")
    if record.has("annotations") { annotations = try record.table("annotations") }
    if record.has("exposes") { exposes = try record.strings("exposes") }
    domainname = try record.optionalString("domainname")
    for mount in try record.records("mounts") { mounts.append(try MountStep(mount)) }
    for file in record.has("files") ? try record.records("files") : [] {
      files.append(try GivenFile(file))
    }
    if let namespaces = try record.optionalRecord("namespaces") {
      self.namespaces = try NamespacesBlueprint(namespaces)
    }
    resources = try ResourceLimits(record.record("resources"))
    stop = try StopBlueprint(record.record("stop"))
    restart = try RestartPolicy(record.record("restart"))
    if let health = try record.optionalRecord("health") {
      self.health = try HealthBlueprint(health)
    }
    log = try LogBlueprint(record.record("log"))
    removeOnExit = try record.bool("removeOnExit")
    if record.has("isHeld") { isHeld = try record.bool("isHeld") }
  }
}

extension ImageIdentity {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      reference: try record.string("reference"), id: try record.string("id"),
      platform: try record.string("platform"))
  }
}

extension RootBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(layers: try record.bytesList("layers"), readOnly: try record.bool("readOnly"))
  }
}

extension ProcessBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      arguments: try record.bytesList("arguments"),
      environment: try record.bytesList("environment"),
      workingDirectory: try record.bytes("workingDirectory"), user: try record.string("user"))
    additionalGroups = try record.strings("additionalGroups")
    terminal = try record.bool("terminal")
    switch try record.string("input") {
    case "none": input = .none
    case "open": input = .open
    case "openOnce": input = .openOnce
    default: throw record.mismatch("input", "a known word")
    }
    usesInit = try record.bool("usesInit")
  }
}

extension MountStep {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    let (name, content) = try record.onlyCase()
    switch name {
    case "volume":
      self = .volume(
        name: try content.string("name"), source: try content.bytes("source"),
        target: try content.bytes("target"), readOnly: try content.bool("readOnly"),
        fillFromImage: try content.bool("fillFromImage"),
        subpath: try content.optionalBytes("subpath"),
        driver: try content.optionalRecord("driver").map(VolumeDriver.init))
    case "bind":
      self = .bind(
        source: try content.bytes("source"), target: try content.bytes("target"),
        readOnly: try content.bool("readOnly"), createSource: try content.bool("createSource"),
        propagation: try content.optionalString("propagation"),
        recursion: try content.optionalString("recursion").flatMap(BindRecursion.init),
        owner: try content.optionalRecord("owner").map(OwnerMap.init))
    case "tmpfs":
      let mode = try content.optionalUnsigned("mode")
      self = .tmpfs(
        target: try content.bytes("target"), size: try content.optionalUnsigned("size"),
        mode: mode.map { UInt32(truncatingIfNeeded: $0) },
        options: try content.strings("options"))
    case "image":
      self = .image(
        id: try content.string("id"), layers: try content.bytesList("layers"),
        target: try content.bytes("target"), subpath: try content.optionalBytes("subpath"))
    default:
      throw record.mismatch(name, "a known mount")
    }
  }
}

extension VolumeDriver {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      type: try record.string("type"), device: try record.bytes("device"),
      options: try record.strings("options"))
  }
}

extension OwnerMap {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      user: try record.optionalUnsigned("user").map { UInt32(truncatingIfNeeded: $0) },
      group: try record.optionalUnsigned("group").map { UInt32(truncatingIfNeeded: $0) })
  }
}

extension NamespacesBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init()
    let processes = try record.record("pid").onlyCase()
    switch processes.name {
    case "own": pid = .own
    case "host": pid = .host
    case "container": pid = .container(try processes.content.string("_0"))
    default: throw record.mismatch("pid", "a known namespace")
    }
    let interprocess = try record.record("ipc").onlyCase()
    switch interprocess.name {
    case "none": ipc = .none
    case "own": ipc = .own
    case "shareable": ipc = .shareable
    case "host": ipc = .host
    case "container": ipc = .container(try interprocess.content.string("_0"))
    default: throw record.mismatch("ipc", "a known namespace")
    }
    uts = try scope("uts", record)
    cgroup = try scope("cgroup", record)
    cgroupParent = try record.strings("cgroupParent")
  }

  private func scope(_ name: String, _ record: RecordReader) throws(JSONError) -> Scope {
    guard let scope = Scope(rawValue: try record.string(name)) else {
      throw record.mismatch(name, "a known namespace")
    }
    return scope
  }
}

extension StopBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init()
    signal = try record.small("signal")
    grace = Nanoseconds(try record.integer("grace"))
  }
}

extension RestartPolicy {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    let (name, content) = try record.onlyCase()
    switch name {
    case "no": self = .no
    case "always": self = .always
    case "unlessStopped": self = .unlessStopped
    case "onFailure":
      self = .onFailure(
        attempts: try content.optionalInteger("attempts").map { Int(truncatingIfNeeded: $0) })
    default: throw record.mismatch(name, "a known policy")
    }
  }
}

extension HealthBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    let (name, content) = try record.record("probe").onlyCase()
    switch name {
    case "exec": self.init(probe: .exec(try content.bytesList("_0")))
    case "shell":
      self.init(
        probe: .shell(try content.bytes("_0"), shell: try content.bytesList("shell")))
    default: throw record.mismatch("probe", "a known probe")
    }
    interval = Nanoseconds(try record.integer("interval"))
    timeout = Nanoseconds(try record.integer("timeout"))
    startPeriod = Nanoseconds(try record.integer("startPeriod"))
    startInterval = Nanoseconds(try record.integer("startInterval"))
    retries = Int(try record.integer("retries"))
  }
}

extension LogBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init()
    switch try record.string("driver") {
    case "journal": driver = .journal
    case "none": driver = .none
    default: throw record.mismatch("driver", "a known driver")
    }
    segmentSize = try record.unsigned("segmentSize")
    segmentCount = Int(try record.integer("segmentCount"))
    if record.has("forward") { forward = try LogForward(record.record("forward")) }
  }
}

extension LogForward {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    guard let form = Form(rawValue: try record.string("form")) else {
      throw record.mismatch("form", "a known form")
    }
    guard let transport = Transport(rawValue: try record.string("transport")) else {
      throw record.mismatch("transport", "a known transport")
    }
    self.init(
      form: form, transport: transport, address: try record.string("address"),
      tag: try record.string("tag"))
    port = UInt16(clamping: try record.unsigned("port"))
    facility = UInt8(clamping: try record.unsigned("facility"))
    hostname = try record.optionalString("hostname")
    fields = try record.strings("fields")
  }
}

extension NetworkBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    let (name, content) = try record.record("mode").onlyCase()
    switch name {
    case "bridge": self.init(mode: .bridge)
    case "none": self.init(mode: .none)
    case "host": self.init(mode: .host)
    case "container": self.init(mode: .container(try content.string("_0")))
    default: throw record.mismatch("mode", "a known mode")
    }
    for endpoint in try record.records("endpoints") {
      endpoints.append(try EndpointBlueprint(endpoint))
    }
    for port in try record.records("ports") { ports.append(try PublishedPort(port)) }
    for host in try record.records("extraHosts") {
      extraHosts.append(
        HostEntry(name: try host.string("name"), address: try host.string("address")))
    }
    nameServers = try record.strings("nameServers")
    searchDomains = try record.strings("searchDomains")
    resolverOptions = try record.strings("resolverOptions")
    guard record.has("links") else { return }
    for link in try record.records("links") {
      links.append(
        LinkBlueprint(target: try link.string("target"), alias: try link.string("alias")))
    }
  }
}

extension EndpointBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      network: try record.string("network"), bridge: try record.string("bridge"),
      hostInterface: try record.string("hostInterface"),
      interface: try record.string("interface"), address: try record.optionalString("address"),
      prefixLength: try record.optionalInteger("prefixLength").map { Int(truncatingIfNeeded: $0) },
      gateway: try record.optionalString("gateway"),
      hardwareAddress: try record.string("hardwareAddress"), names: try record.strings("names"),
      isInternal: try record.bool("isInternal"), isPrimary: try record.bool("isPrimary"))
    address6 = try record.optionalString("address6")
    prefixLength6 = try record.optionalInteger("prefixLength6").map { Int(truncatingIfNeeded: $0) }
    gateway6 = try record.optionalString("gateway6")
    if record.has("linkLocalAddresses") {
      linkLocalAddresses = try record.strings("linkLocalAddresses")
    }
  }
}

extension PublishedPort {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    let transport: Transport
    switch try record.string("transport") {
    case "tcp": transport = .tcp
    case "udp": transport = .udp
    case "sctp": transport = .sctp
    default: throw record.mismatch("transport", "a known transport")
    }
    guard let hostPort = UInt16(exactly: try record.integer("hostPort")),
      let containerPort = UInt16(exactly: try record.integer("containerPort"))
    else { throw record.mismatch("hostPort", "a port") }
    self.init(
      transport: transport, hostAddress: try record.string("hostAddress"), hostPort: hostPort,
      containerPort: containerPort)
  }
}
