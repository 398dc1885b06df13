// Networks as `berth network ls` and `inspect` show them.

package import Engine
package import JSON

package func networkTable(_ networks: [NetworkView], full: Bool) -> String {
  var table = Table(["NETWORK ID", "NAME", "DRIVER", "SCOPE"])
  table.rows = networks.map { [networkID($0, full: full), $0.name, $0.driver, "local"] }
  return table.text
}

/// 64 digits, or twelve.
package func networkID(_ network: NetworkView, full: Bool) -> String {
  full ? network.id : String(network.id.prefix(12))
}

package func networkListing(_ networks: [NetworkView], full: Bool) -> RowListing {
  RowListing(
    networks.map { network in
      [
        "CreatedAt": .string(network.createdAt.map(dateText) ?? ""),
        "Driver": .string(network.driver), "ID": .string(networkID(network, full: full)),
        "IPv4": .string("\(network.hasIPv4)"), "IPv6": .string("\(network.hasIPv6)"),
        "Internal": .string("\(network.isInternal)"),
        "Labels": .string(labelsText(network.labels)), "Name": .string(network.name),
        "Scope": "local",
      ]
    },
    fields: [
      "CreatedAt", "Driver", "ID", "IPv4", "IPv6", "Internal", "Labels", "Name", "Scope",
    ], headings: ["ID": "NETWORK ID", "IPv4": "IPV4", "IPv6": "IPV6"],
    labels: networks.map(\.labels))
}

package func networkInspection(_ network: NetworkView) -> JSONValue {
  [
    "Name": .string(network.name), "Id": .string(network.id),
    "Created": .string(network.createdAt?.rfc3339 ?? ""), "Scope": "local",
    "Driver": .string(network.driver), "EnableIPv4": .bool(network.hasIPv4),
    "EnableIPv6": .bool(network.hasIPv6),
    "IPAM": [
      "Driver": "default", "Options": [:], "Config": .array(network.pools.map(pool)),
    ],
    "Internal": .bool(network.isInternal), "Attachable": .bool(network.isAttachable),
    "Ingress": false, "ConfigFrom": ["Network": ""], "ConfigOnly": false,
    "Containers": members(network), "Options": object(network.options),
    "Labels": object(network.labels),
  ]
}

private func pool(_ pool: NetworkView.Pool) -> JSONValue {
  var fields = JSONObject()
  fields.append("Subnet", .string(pool.subnet))
  if let range = pool.range { fields.append("IPRange", .string(range)) }
  if let gateway = pool.gateway { fields.append("Gateway", .string(gateway)) }
  if !pool.reserved.isEmpty { fields.append("AuxiliaryAddresses", object(pool.reserved)) }
  return .object(fields)
}

/// Those that run, as the reference has it.
private func members(_ network: NetworkView) -> JSONValue {
  var fields = JSONObject()
  for member in network.members where member.isRunning {
    fields.append(
      member.id,
      [
        "Name": .string(member.name), "MacAddress": .string(member.hardwareAddress),
        "IPv4Address": .string(member.address ?? ""),
        "IPv6Address": .string(member.address6 ?? ""),
      ])
  }
  return .object(fields)
}

private func object(_ values: [String: String]) -> JSONValue {
  var fields = JSONObject()
  for (key, value) in values.sorted(by: { $0.key < $1.key }) { fields.append(key, .string(value)) }
  return .object(fields)
}
