// /etc/hosts, /etc/resolv.conf and /etc/hostname: written to the run folder, bound by the child.

package import Blueprint
import Glibc
package import Linux
package import SystemPackage

struct NetworkFiles {
  var hosts: String
  var resolver: String
  var hostname: String

  /// Where the files of this container are. One that shares the network of another shares its
  /// files too.
  static func folder(_ blueprint: ContainerBlueprint, runFolder: FilePath) -> FilePath {
    guard case .container(let id) = blueprint.network.mode else { return runFolder }
    return runFolder.removingLastComponent().appending(id)
  }

  /// - Parameters: the host's own files, which `host` mode copies and search domains come from.
  init(_ blueprint: ContainerBlueprint, hostHosts: String, hostResolver: String) {
    let network = blueprint.network
    hostname = blueprint.hostname + "\n"
    switch network.mode {
    case .host, .container:
      hosts = hostHosts
      if !hosts.isEmpty, !hosts.hasSuffix("\n") { hosts += "\n" }
    case .bridge, .none:
      hosts = Self.standardHosts
      for line in Self.addressLines(blueprint) { hosts += line + "\n" }
    }
    for entry in network.extraHosts { hosts += "\(entry.address)\t\(entry.name)\n" }
    resolver = Self.resolver(network, hostResolver)
  }

  static func addressLines(_ blueprint: ContainerBlueprint) -> [String] {
    let full = blueprint.domainname.map { "\(blueprint.hostname).\($0) " } ?? ""
    return blueprint.network.endpoints.flatMap(\.addresses).map {
      "\($0)\t\(full)\(blueprint.hostname)"
    }
  }

  private static let standardHosts = """
    127.0.0.1\tlocalhost
    ::1\tlocalhost ip6-localhost ip6-loopback
    fe00::\tip6-localnet
    ff00::\tip6-mcastprefix
    ff02::1\tip6-allnodes
    ff02::2\tip6-allrouters

    """

  private static func resolver(_ network: NetworkBlueprint, _ host: String) -> String {
    let isOwn =
      switch network.mode {
      case .bridge, .none: true
      case .host, .container: false
      }
    if !isOwn, network.nameServers.isEmpty, network.searchDomains.isEmpty,
      network.resolverOptions.isEmpty
    {
      return host
    }
    let hostLines = host.split(whereSeparator: \.isNewline).map { line in
      line.split { $0 == " " || $0 == "\t" }.map(String.init)
    }
    var text = ""
    if isOwn {
      text += "nameserver 127.0.0.11\n"
    } else if network.nameServers.isEmpty {
      for line in hostLines where line.first == "nameserver" {
        text += line.joined(separator: " ") + "\n"
      }
    } else {
      for server in network.nameServers { text += "nameserver \(server)\n" }
    }
    // The last of these counts, and of options all (resolv.conf(5)).
    let hostSearch = hostLines.last { $0.first == "search" || $0.first == "domain" }
    let search =
      network.searchDomains.isEmpty
      ? Array(hostSearch?.dropFirst() ?? []) : network.searchDomains
    if !search.isEmpty, search != ["."] {
      text += "search \(search.joined(separator: " "))\n"
    }
    var options = network.resolverOptions
    if options.isEmpty {
      options = hostLines.filter { $0.first == "options" }.flatMap { $0.dropFirst() }
    }
    if isOwn, !options.contains(where: { $0.hasPrefix("ndots:") }) { options.append("ndots:0") }
    if !options.isEmpty { text += "options \(options.joined(separator: " "))\n" }
    return text
  }

  /// Writes the three files, each over what a former start left.
  func write(to folder: FilePath) throws(SystemCallError) {
    for (name, content) in [("hosts", hosts), ("resolv.conf", resolver), ("hostname", hostname)] {
      let file = try Descriptor.open(
        folder.appending(name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
      try checking("fchmod") { fchmod(file.raw, 0o644) }
      try file.writeAll(Array(content.utf8))
    }
  }
}

/// The lines for the addresses of a container whose networks have changed while it ran; what else has
/// been written into its /etc/hosts stays. The file is the one that is mounted, so it is written in place.
package func rewriteHosts(
  from old: ContainerBlueprint, to new: ContainerBlueprint, in folder: FilePath
) throws(SystemCallError) {
  guard new.network.mode.hasOwnFiles else { return }
  let (before, after) = (NetworkFiles.addressLines(old), NetworkFiles.addressLines(new))
  let file = try Descriptor.open(folder.appending("hosts"), O_RDWR | O_NOFOLLOW)
  let content = String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
  var lines = content.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  if lines.last == "" { lines.removeLast() }
  lines.removeAll { before.contains($0) && !after.contains($0) }
  lines += after.filter { !before.contains($0) }
  try checking("ftruncate") { ftruncate(file.raw, 0) }
  try checking("lseek") { CInt(truncatingIfNeeded: lseek(file.raw, 0, SEEK_SET)) }
  try file.writeAll(Array((lines.joined(separator: "\n") + "\n").utf8))
}

/// A file of the host, or nothing when it cannot be read: a host without resolv.conf is no fault.
func hostFile(_ path: FilePath) -> String {
  guard let content = try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20) else {
    return ""
  }
  return String(decoding: content, as: UTF8.self)
}
