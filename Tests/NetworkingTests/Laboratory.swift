// Machines for tests: network namespaces that go with the test, one of them a host on which berth's
// networks are made, so that the links and rules of the machine below are never touched.

import Addressing
import Blueprint
import CLinux
import Glibc
import JSON
import Linux
import Netlink
import Networking
import Store
import SystemPackage

/// Runs `body` on a thread that stands in a network namespace of its own, with `lo` up.
func laboratory(_ body: @escaping @Sendable (Laboratory) throws -> Void) async throws {
  try await blocking {
    let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
    defer { _ = berth_setns(home.raw, CLONE_NEWNET) }
    let laboratory = try Laboratory()
    defer { laboratory.close() }
    try body(laboratory)
  }
}

/// A namespace with answering servers; its name is what they answer with.
struct Machine: Sendable {
  let name: String
  let namespace: SharedDescriptor
}

final class Laboratory {
  let store: NetworkStore
  let folder: FilePath
  let host: Machine
  private let servers = Servers()

  fileprivate init() throws {
    var template = Array("/tmp/berth-networks.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp") }
    folder = FilePath(String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self))
    store = NetworkStore(
      layout: Layout(state: folder.appending("state"), run: folder.appending("run")))
    let namespace = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    host = Machine(name: "host", namespace: SharedDescriptor(namespace))
    var socket = try NetlinkSocket()
    try socket.perform([.setUp("lo")])
  }

  fileprivate func close() {
    servers.stop()
    // A folder left in /tmp harms nobody, and the test has its own failure to tell.
    try? removeTree(folder)
  }

  /// Another machine, with `lo` up and nothing else.
  func machine(_ name: String) throws -> Machine {
    try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
    defer { _ = berth_setns(host.namespace.raw, CLONE_NEWNET) }
    let namespace = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    var socket = try NetlinkSocket()
    try socket.perform([.setUp("lo")])
    return Machine(name: name, namespace: SharedDescriptor(namespace))
  }

  /// A machine beside the host: a cable between `outside` (10.99.0.2, whose way out is the host) and
  /// the host's `uplink` (10.99.0.1).
  func neighbour() throws -> Machine {
    let outside = try machine("outside")
    var here = try NetlinkSocket()
    try here.perform([
      .addPair(
        "uplink", bridge: 0, mtu: 1500, group: 0, peer: "eth0",
        peerAddress: MACAddress(for: IPv4Address(10, 99, 0, 2)),
        namespace: outside.namespace.raw),
      .setUp("uplink"),
    ])
    let uplink = try link("uplink", &here)
    try here.perform([.addAddress(.v4(IPv4Address(10, 99, 0, 1)), prefixLength: 24, link: uplink)])
    var there = try NetlinkSocket(inNamespace: outside.namespace.raw)
    let eth0 = try link("eth0", &there)
    try there.perform([
      .setUp("eth0"), .addAddress(.v4(IPv4Address(10, 99, 0, 2)), prefixLength: 24, link: eth0),
      .addDefaultRoute(by: .v4(IPv4Address(10, 99, 0, 1))),
    ])
    return outside
  }

  private func link(_ name: String, _ socket: inout NetlinkSocket) throws -> Int32 {
    guard let link = try socket.link(named: name) else {
      throw SystemCallError("find link", name, .noSuchAddressOrDevice)
    }
    return link.index
  }

  /// A namespace joined to `networks` as a container is, the first being the primary one.
  func container(_ name: String, on networks: [NetworkRecord]) throws -> Container {
    try containerFrom(try machine(name), on: networks)
  }

  func containerFrom(_ machine: Machine, on networks: [NetworkRecord]) throws -> Container {
    let name = machine.name
    let endpoints = try networks.enumerated().map { index, network in
      let lease = try store.lease(network, container: name)
      return EndpointBlueprint(
        network: network.name, bridge: network.bridge,
        hostInterface: try NetworkStore.newInterfaceName(), interface: "eth\(index)",
        address: lease.address?.description, prefixLength: network.subnet.prefixLength,
        gateway: network.isInternal ? nil : network.gateway.description,
        hardwareAddress: lease.hardwareAddress.description, names: [name],
        isInternal: network.isInternal, isPrimary: index == 0)
    }
    try store.connect(namespace: machine.namespace.raw, endpoints: endpoints)
    return Container(machine: machine, endpoints: endpoints)
  }

  func serve(_ machine: Machine, _ port: UInt16) throws {
    for transport in [PublishedPort.Transport.tcp, .udp] {
      try servers.add(machine, transport, port)
    }
  }

  /// Ends the servers and closes their sockets.
  func stopServing() { servers.stop() }

  /// A socket of this process that has the port.
  func occupy(_ host: String, _ port: UInt16, _ transport: PublishedPort.Transport) throws
    -> SharedDescriptor
  {
    try bindSocket(host, port, transport)
  }

  func network(_ name: String, _ change: (inout NetworkSpecification) -> Void = { _ in }) throws
    -> NetworkRecord
  {
    var wanted = NetworkSpecification(name: name)
    change(&wanted)
    return try store.ensure(wanted, now: Timestamp(nanoseconds: 1))
  }
}

struct Container: Sendable {
  let machine: Machine
  let endpoints: [EndpointBlueprint]

  var address: String { endpoints.first?.address ?? "" }
  func address(on index: Int) -> String { endpoints[index].address ?? "" }

  func publication(_ ports: [PublishedPort]) -> Publication {
    Publication(
      container: machine.name, name: "shop-\(machine.name)-1",
      network: endpoints.first?.network ?? "",
      address: IPv4Address(address), ports: ports)
  }
}

func published(
  _ host: String, _ hostPort: UInt16, _ containerPort: UInt16,
  _ transport: PublishedPort.Transport = .tcp
) -> PublishedPort {
  PublishedPort(
    transport: transport, hostAddress: host, hostPort: hostPort, containerPort: containerPort)
}

/// A network that is nowhere but in this value.
func record(subnet text: String) throws -> NetworkRecord {
  let json = """
    {"version":1,"id":"0123456789abcdef","name":"n","labels":{},
     "ipv4":{"subnet":"\(text)","gateway":"10.7.0.1"},"bridge":"br-0123456789ab","isInternal":false,"isAttachable":false,
     "mtu":1500,"options":{},"createdAt":1}
    """
  return try JSONValue(parsing: Array(json.utf8)).decode(NetworkRecord.self)
}

extension NetworkRecord {
  /// Of the tests' networks, which have IPv4.
  var subnet: IPv4Subnet {
    ipv4?.subnet ?? IPv4Subnet(.unspecified, prefixLength: 32).unsafelyUnwrapped
  }
  var gateway: IPv4Address { ipv4?.gateway ?? .unspecified }
}
