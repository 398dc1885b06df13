// What a scenario leaves on the machine, found by the names that only it uses: its root folder, its
// containers' ids and its networks' interfaces. Other tests that run beside it do not disturb.

import Glibc
import Linux
import Synchronization
import SystemPackage

/// The names that appeared in a scenario's folders so far.
struct Footprint {
  var containers: Set<String> = []
  /// The twelve digits in `br-0123456789ab`.
  var networks: Set<String> = []
  var interfaces: Set<String> = []
}

extension Berth {
  /// Notes what the state folder names now; called after each command.
  package func remember() {
    let containers = names(in: state + "/containers").union(names(in: run + "/containers"))
    var texts = names(in: state + "/networks").compactMap {
      text(of: "state/networks/\($0)/network.json")
    }
    texts += containers.compactMap { text(of: "state/containers/\($0)/blueprint.json") }
    footprint.withLock { known in
      known.containers.formUnion(containers.filter { $0.utf8.count == 64 })
      for text in texts {
        known.networks.formUnion(
          following("br-", in: text).map { String($0.prefix(12)) }.filter { $0.utf8.count == 12 })
        known.interfaces.formUnion(following("\"hostInterface\":\"", in: text))
      }
    }
  }

  /// Everything that is still there, one line each; empty when the machine is as it was.
  package func leftovers() -> [String] {
    let known = footprint.withLock { $0 }
    return leftMounts() + leftInterfaces(known) + leftTables(known) + leftCgroups(known)
      + processes(known).map { "process \($0.pid): \($0.command)" }
  }

  /// Processes that belong to the scenario: of a container, or with its folders in their sight.
  func processes(_ known: Footprint) -> [(pid: pid_t, command: String)] {
    names(in: "/proc").compactMap { name -> (pid: pid_t, command: String)? in
      guard let pid = pid_t(name), pid != getpid() else { return nil }
      let command = contents("/proc/\(pid)/cmdline").map { $0 == 0 ? UInt8(ascii: " ") : $0 }
      let text = String(decoding: command, as: UTF8.self)
      if text.hasPrefix("docker-registry ") { return nil }
      let environment = String(decoding: contents("/proc/\(pid)/environ"), as: UTF8.self)
      let cgroup = String(decoding: contents("/proc/\(pid)/cgroup"), as: UTF8.self)
      let isOurs =
        text.contains(root + "/") || environment.contains(root + "/")
        || known.containers.contains { cgroup.contains($0) }
      return isOurs ? (pid, text) : nil
    }
  }

  /// Ends and removes what should not be there any more, so that later tests start clean.
  func removeByForce() {
    let known = footprint.withLock { $0 }
    for process in processes(known) { kill(process.pid, SIGKILL) }
    for name in known.interfaces.union(known.networks.map { "br-" + $0 }) {
      _ = runQuietly(["ip", "link", "delete", name])
    }
    for table in leftTables(known) { _ = runQuietly(["nft", "delete", table]) }
    for folder in cgroupFolders(known).reversed() { rmdir(folder) }
    for target in mountPoints().reversed() { umount2(target, Int32(MNT_DETACH)) }
  }

  private func leftMounts() -> [String] { mountPoints().map { "mount \($0)" } }

  private func mountPoints() -> [String] {
    let table = String(decoding: contents("/proc/self/mountinfo"), as: UTF8.self)
    return table.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 4, fields[4].hasPrefix(root + "/") else { return nil }
      return String(fields[4])
    }
  }

  private func leftInterfaces(_ known: Footprint) -> [String] {
    let ours = known.interfaces.union(known.networks.map { "br-" + $0 })
    return names(in: "/sys/class/net").intersection(ours).sorted().map { "interface \($0)" }
  }

  private func leftTables(_ known: Footprint) -> [String] {
    guard !known.networks.isEmpty else { return [] }
    let table = "table inet berth" + String(state.map { $0 == "/" ? "-" : $0 })
    return runQuietly(["nft", "list", "tables"]).split(separator: "\n").map(String.init)
      .filter { $0 == table }
  }

  private func leftCgroups(_ known: Footprint) -> [String] {
    cgroupFolders(known).map { "cgroup \($0)" }
  }

  private func cgroupFolders(_ known: Footprint) -> [String] {
    func search(_ folder: String, depth: Int) -> [String] {
      guard depth > 0 else { return [] }
      return folders(in: folder).flatMap { name in
        let path = folder + "/" + name
        let isOurs = known.containers.contains { name.contains($0) }
        return (isOurs ? [path] : []) + search(path, depth: depth - 1)
      }
    }
    return known.containers.isEmpty ? [] : search("/sys/fs/cgroup", depth: 4)
  }
}

private func names(in folder: String) -> Set<String> {
  // A folder that is not there, or goes away while it is read, has no names.
  Set((try? namesInFolder(FilePath(folder)))?.map(\.string) ?? [])
}

private func folders(in folder: String) -> [String] {
  names(in: folder).filter { name in
    var status = stat()
    return lstat(folder + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }.sorted()
}

private func contents(_ path: String) -> [UInt8] {
  // A process that ended meanwhile has nothing to read.
  guard let file = try? Descriptor.open(FilePath(path), O_RDONLY) else { return [] }
  return (try? file.readAll(limit: 16 << 20)) ?? []
}

/// The words that follow `prefix`, up to a quote.
private func following(_ prefix: String, in text: String) -> [String] {
  let bytes = Array(text.utf8)
  let needle = Array(prefix.utf8)
  guard bytes.count >= needle.count else { return [] }
  return (0...(bytes.count - needle.count)).compactMap { start in
    guard bytes[start..<(start + needle.count)].elementsEqual(needle) else { return nil }
    let word = bytes[(start + needle.count)...].prefix { $0 != UInt8(ascii: "\"") }
    return String(decoding: word, as: UTF8.self)
  }
}

/// What a short program of this machine prints; empty when it fails.
private func runQuietly(_ arguments: [String]) -> String {
  let command = arguments.joined(separator: " ") + " 2>/dev/null"
  guard let stream = popen(command, "r") else { return "" }
  defer { pclose(stream) }
  var output: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = fread(&buffer, 1, buffer.count, stream)
    if count == 0 { return String(decoding: output, as: UTF8.self) }
    output += buffer[..<count]
  }
}
