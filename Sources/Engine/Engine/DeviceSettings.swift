// Devices of a service: nodes of the host, and what vendors describe by name.

import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Runtime
import SystemPackage

extension Session {
  /// What the devices that the service asks for bring into its container. Blocks.
  func devices(of service: Service) throws -> ServiceDevices {
    var devices = ServiceDevices(rules: service.deviceRules)
    let named = service.devices.filter(\.isNamed)
    for device in service.devices where !device.isNamed {
      try check(device, service)
      devices.nodes.append(
        DeviceBlueprint(
          source: Bytes(device.source), target: Bytes(device.target),
          permissions: device.permissions.isEmpty ? "rwm" : device.permissions))
    }
    guard !named.isEmpty || !service.deviceRequests.isEmpty else { return devices }
    let registry = DeviceRegistry()
    for device in named {
      devices.append(try registry.edits(for: [device.source], span: device.span))
    }
    for request in service.deviceRequests {
      let names = try names(for: request, service, registry)
      devices.append(try registry.edits(for: names, span: request.span))
    }
    return devices
  }

  private func check(_ device: DeviceGrant, _ service: Service) throws {
    var status = stat()
    let reason: String
    if device.source.withCString({ stat($0, &status) }) != 0 {
      reason = "is not on this machine"
    } else if [S_IFCHR, S_IFBLK, S_IFDIR].contains(status.st_mode & S_IFMT) {
      return
    } else {
      reason = "is no device"
    }
    throw Faults([
      Diagnostic(
        "service `\(service.name)`: device `\(device.source)` \(reason)",
        span: device.span ?? service.place(of: "devices"))
    ])
  }

  private static let graphics = "nvidia.com/gpu"

  /// The names that a request of a kind means.
  private func names(for request: DeviceRequest, _ service: Service, _ registry: DeviceRegistry)
    throws -> [String]
  {
    if request.driver == "cdi" { return request.ids }
    let kind = Self.graphics
    let isGraphics = request.capabilities.contains { ["gpu", "nvidia"].contains($0) }
    guard isGraphics, ["", "nvidia"].contains(request.driver), registry.has(kind) else {
      let wanted = request.capabilities.joined(separator: " ")
      throw Faults([
        Diagnostic(
          "service `\(service.name)`: could not select device driver \"\(request.driver)\" with"
            + " capabilities: [[\(wanted)]]",
          span: request.span ?? service.place(of: "gpus"),
          hint: "graphics processors are found by `\(kind)` below /etc/cdi: "
            + "`nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes them")
      ])
    }
    let there = registry.names(of: kind)
    guard let count = request.count else { return request.ids.map { "\(kind)=\($0)" } }
    if count < 0 {
      return (there.contains("all") ? ["all"] : there).map { "\(kind)=\($0)" }
    }
    return (0..<min(count, 1_000)).map { "\(kind)=\($0)" }
  }
}

/// What goes into the blueprint for devices.
struct ServiceDevices {
  var nodes: [DeviceBlueprint] = []
  var rules: [String] = []
  var environment: [Bytes] = []
  var mounts: [MountStep] = []
  var groups: [String] = []

  init(rules: [String]) { self.rules = rules }

  mutating func append(_ edits: DeviceEdits) {
    for node in edits.nodes {
      var device = DeviceBlueprint(
        source: Bytes(node.source), target: Bytes(node.path), permissions: node.permissions)
      device.mode = node.mode
      device.user = node.user
      device.group = node.group
      nodes.append(device)
    }
    environment += edits.environment.map { Bytes($0) }
    mounts += edits.mounts.map {
      .bind(
        source: Bytes($0.source), target: Bytes($0.target), readOnly: $0.isReadOnly,
        createSource: false, propagation: nil)
    }
    groups += edits.groups.map { "\($0)" }
  }
}

extension ContainerBlueprint {
  /// What devices bring goes before what the image and the service say.
  mutating func take(_ devices: ServiceDevices) {
    security.devices = devices.nodes
    security.deviceRules = devices.rules
    func name(_ entry: Bytes) -> ArraySlice<UInt8> {
      entry.raw.prefix { $0 != UInt8(ascii: "=") }
    }
    let taken = Set(devices.environment.map(name))
    process.environment.removeAll { taken.contains(name($0)) }
    process.environment += devices.environment
    mounts += devices.mounts
    process.additionalGroups += devices.groups
  }
}
