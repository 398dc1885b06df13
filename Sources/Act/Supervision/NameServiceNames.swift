// The names that a container may ask for: read from the run folder when they have changed, and only
// when somebody asks.

import Addressing
import Blueprint
import CLinux
import DNS
import Glibc
import JSON
import Linux
import Store
import SystemPackage

/// `<run>/networks/<network>/names/<container id>`: `{"address":"172.18.0.2","names":["web"]}`, one
/// file for each running container, renamed into place. `container` is the container's own name,
/// `address6` what it has on a network with IPv6; it has one of both.
private struct NamesFile: Decodable {
  var address: String?
  var address6: String?
  var names: [String]
  var container: String?

  var host: NamedHost? {
    let addresses = [address, address6].compactMap { $0.flatMap { IPAddress($0) } }
    if addresses.isEmpty { return nil }
    let own = container ?? names.first ?? ""
    return NamedHost(
      addresses: addresses, ownName: Array(own.utf8), names: names.map { Array($0.utf8) })
  }
}

/// Bounds on what is read, far above what any project has.
private let filesPerNetwork = 4096
private let fileSize = 64 << 10

struct NameServiceNames {
  private var networks: [(name: String, folder: FilePath, stamp: Stamp)]
  /// The names as `refresh` found them.
  private(set) var zone = Zone()
  private var isRead = false
  private let links: [LinkBlueprint]

  init(run: FilePath, networks: [String], links: [LinkBlueprint] = []) {
    self.links = links
    self.networks = networks.map { name in
      let folder = run.appending("networks").appending(name).appending("names")
      return (name, folder, Stamp.missing)
    }
  }

  /// Takes in the names as they are now: a file renamed into place before this call is in them.
  mutating func refresh() {
    var isCurrent = isRead
    // All are looked at: each stamp must be older than what is read below.
    for index in networks.indices where networks[index].stamp.update(networks[index].folder) {
      isCurrent = false
    }
    if !isCurrent {
      zone = Zone(
        networks.map { network in
          (name: Array(network.name.utf8), hosts: hosts(in: network.folder).map(linked))
        })
      isRead = true
    }
  }
}

extension NameServiceNames {
  /// With the names that links of this container give it.
  private func linked(_ host: NamedHost) -> NamedHost {
    if links.isEmpty { return host }
    var host = host
    for link in links where host.names.contains(Array(link.target.utf8)) {
      host.names.append(Array(link.alias.utf8))
    }
    return host
  }
}

private func hosts(in folder: FilePath) -> [NamedHost] {
  // A folder that cannot be read answers no names, and is read again when it changes.
  let files = (try? namesInFolder(folder)) ?? []
  return files.prefix(filesPerNetwork).compactMap { name in
    // Written aside, about to be renamed.
    if name.extension == "new" { return nil }
    // One that has gone meanwhile answers no more; one that is no record names nobody.
    guard let bytes = try? readFile(folder.appending(name), limit: fileSize),
      let value = try? JSONValue(parsing: bytes), let file = try? value.decode(NamesFile.self)
    else { return nil }
    return file.host
  }
}

/// Tells one state of a file or folder from the next by its times.
struct Stamp {
  private var device: UInt64 = 0
  private var inode: UInt64 = 0
  private var size: Int64 = 0
  private var modified: Int64 = 0
  private var isSettled = true

  /// No such file.
  static let missing = Stamp()

  /// The kernel's file times advance in steps of a timer tick (10 ms at most): what was changed just
  /// before it was read may change once more without another time. It is not trusted so long.
  private static let tick: UInt64 = 50_000_000

  /// Looks at `path`; true when what was read after the last look may be old.
  mutating func update(_ path: FilePath) -> Bool {
    var status = stat()
    guard path.withPlatformString({ stat($0, &status) }) == 0 else {
      defer { self = .missing }
      return !isSame(as: .missing)
    }
    var stamp = Stamp()
    stamp.device = UInt64(status.st_dev)
    stamp.inode = UInt64(status.st_ino)
    stamp.size = Int64(status.st_size)
    stamp.modified = nanoseconds(status.st_mtim)
    if isSettled, isSame(as: stamp) { return false }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    stamp.isSettled = (nanoseconds(now) &- stamp.modified).magnitude > Self.tick
    self = stamp
    return true
  }

  private func isSame(as other: Stamp) -> Bool {
    device == other.device && inode == other.inode && size == other.size
      && modified == other.modified
  }
}

private func nanoseconds(_ time: timespec) -> Int64 {
  Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}
