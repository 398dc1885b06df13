// `ports` in short form (reference S99): `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`.

import Addressing

/// The long forms that one short form stands for, one for each container port.
func parsePorts(_ text: String, _ origin: Origin) throws(Fault) -> [Node] {
  var spec = text[...]
  var transport = "tcp"
  if let slash = spec.lastIndex(of: "/") {
    let named = spec[spec.index(after: slash)...].lowercased()
    transport = named.isEmpty ? "tcp" : named
    spec = spec[..<slash]
  }
  let parts = try portParts(spec, text, origin)
  guard !parts.container.isEmpty else {
    throw Fault(
      .badValue, "port `\(text)` names no port of the container", at: origin, hint: portHint)
  }
  guard ["tcp", "udp", "sctp"].contains(transport) else {
    throw Fault(
      .badValue, "port `\(text)` has the unknown protocol `\(transport)`", at: origin,
      hint: "it is one of `tcp`, `udp`, `sctp`")
  }
  let container = try portRange(parts.container, "container port", text, origin)
  let host = parts.host.isEmpty ? nil : try portRange(parts.host, "host port", text, origin)
  if let host, host.count != container.count, container.count != 1 {
    throw Fault(
      .badValue,
      "port `\(text)` maps \(host.count) host ports to \(container.count) container ports",
      at: origin, hint: "give ranges of one length")
  }
  return container.map { target in
    var fields = Fields()
    fields["mode"] = Node("ingress", origin)
    if !parts.address.isEmpty { fields["host_ip"] = Node(parts.address, origin) }
    fields["target"] = Node(.int(target), origin)
    if let host {
      let published =
        host.count == container.count
        ? "\(host.lowerBound + target - container.lowerBound)"
        : "\(host.lowerBound)-\(host.upperBound)"
      fields["published"] = Node(published, origin)
    }
    fields["protocol"] = Node(transport, origin)
    return Node(.map(fields), origin)
  }
}

private let portHint = "write `[IP:][HOST:]CONTAINER[/PROTOCOL]`, such as `8080:80`"

private func portParts(
  _ spec: Substring, _ text: String, _ origin: Origin
) throws(Fault) -> (address: String, host: String, container: String) {
  let pieces = spec.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
  guard pieces.count > 2 else {
    return ("", pieces.count == 2 ? pieces[0] : "", pieces.last ?? "")
  }
  var address = pieces.dropLast(2).joined(separator: ":")
  if address.hasPrefix("["), address.hasSuffix("]") {
    address = String(address.dropFirst().dropLast())
  }
  guard address.isEmpty || isAddress(address) else {
    throw Fault(
      .badValue, "port `\(text)` has the invalid address `\(address)`", at: origin,
      hint: portHint)
  }
  return (address, pieces[pieces.count - 2], pieces[pieces.count - 1])
}

private func portRange(
  _ range: String, _ what: String, _ text: String, _ origin: Origin
) throws(Fault) -> ClosedRange<Int> {
  let ends = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
  let isPlain = ends.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
  guard isPlain, let low = UInt16(ends[0]), let high = ends.count == 1 ? low : UInt16(ends[1])
  else {
    throw Fault(
      .badValue, "port `\(text)` has the invalid \(what) `\(range)`", at: origin, hint: portHint)
  }
  guard low <= high else {
    throw Fault(
      .badValue, "port `\(text)` has a range that runs backwards: `\(range)`", at: origin)
  }
  return Int(low)...Int(high)
}

func isAddress(_ text: String) -> Bool {
  IPv4Address(text) != nil || IPv6Address(text) != nil
}
