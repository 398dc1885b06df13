// What `EXPOSE` names: a port of the container, or a range of them.

import Addressing

/// `80`, `53/udp`, `8000-8010`. What stands before it and means ports of the host, as in `127.0.0.1:8080:80`, is
/// read and left out, as BuildKit does: they are chosen where the image is run.
struct ExposedPort {
  private let ports: ClosedRange<UInt16>
  private let transport: String

  init?(_ text: String) {
    let places = text.split(separator: ":", omittingEmptySubsequences: false)
    let parts = places[places.count - 1]
      .split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let transport = parts.count == 2 && !parts[1].isEmpty ? parts[1].lowercased() : "tcp"
    guard ["tcp", "udp", "sctp"].contains(transport), let ports = range(parts[0]) else {
      return nil
    }
    if places.count > 1, !places[places.count - 2].isEmpty {
      guard let host = range(places[places.count - 2]),
        host.count == ports.count || ports.count == 1
      else { return nil }
    }
    let address = places.dropLast(2).joined(separator: ":")
    guard address.isEmpty || IPAddress(address) != nil else { return nil }
    self.ports = ports
    self.transport = transport
  }

  /// `80/tcp`, each of them.
  var names: [String] { ports.map { "\($0)/\(transport)" } }

  /// All in one: `8000-8010/tcp`.
  var name: String {
    let last = ports.count > 1 ? "-\(ports.upperBound)" : ""
    return "\(ports.lowerBound)\(last)/\(transport)"
  }
}

private func range(_ text: Substring) -> ClosedRange<UInt16>? {
  let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
  guard bounds.count <= 2, let first = bounds.first ?? nil, let last = bounds.last ?? nil,
    first > 0, first <= last
  else { return nil }
  return first...last
}
