// A volume in memory that several containers share. There is no place for it on the host: each
// container has it in its own mount namespace, and a new one takes it over from one that has it. It
// is gone with the last of them.
//
//   <run>/volumes/<volume>/<container id>   pid, start time, device number, target

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// A volume whose tree is held. Its lock keeps others from making a second one.
struct MemoryVolume {
  let lock: SharedDescriptor
  let record: SharedDescriptor
  let device: dev_t
  let label: String
}

extension [PreparedMount] {
  /// Tells others where volumes in memory are to be had, and lets them at it. To be called behind
  /// the pivot: only then is a target what they find from the root of this mount namespace.
  func publishMemory(as own: ProcessStart?) throws(LaunchFailure) {
    for mount in self {
      guard let memory = mount.memory, let own else { continue }
      try step(memory.label) { () throws(SystemCallError) in
        let words = "\(own.pid) \(own.time) \(memory.device) "
        let text = [UInt8](words.utf8) + mount.step.target.raw
        try retrying("write") { write(memory.record.raw, text, text.count) }
        try checking("flock") { flock(memory.lock.raw, LOCK_UN) }
      }
    }
  }
}

/// Finds or makes the trees of volumes in memory. In a mount namespace of our own.
func takeMemory(_ mounts: inout [PreparedMount], container: String, runFolder: FilePath)
  throws(LaunchFailure)
{
  var wanted: [String: Int] = [:]
  for (index, mount) in mounts.enumerated() {
    guard case .volume(let name, _, _, _, _, _, let driver?) = mount.step, driver.isMemory,
      wanted[name] == nil
    else { continue }
    wanted[name] = index
  }
  // By name, so that no two containers wait for each other.
  for (name, index) in wanted.sorted(by: { $0.key < $1.key }) {
    try take(&mounts[index], name, container, runFolder)
  }
}

private func take(
  _ mount: inout PreparedMount, _ name: String, _ container: String, _ runFolder: FilePath
) throws(LaunchFailure) {
  guard case .volume(_, let source, _, _, let fills, _, let driver?) = mount.step else { return }
  let record = source.path.removingLastComponent()
  let label = mount.step.label
  // <run>/containers/<id>
  let folder = runFolder.removingLastComponent().removingLastComponent()
    .appending("volumes").appending(name)
  let lock = try step(label) { () throws(SystemCallError) in
    try makeFolders(folder)
    let lock = try Descriptor.open(record, O_RDONLY | O_DIRECTORY)
    try retrying("flock", record.string) { flock(lock.raw, LOCK_EX) }
    return SharedDescriptor(lock)
  }
  let found = try step(label) { () throws(SystemCallError) in try heldByOthers(folder) }
  let tree: SharedDescriptor
  if let found { tree = found } else { tree = try driver.makeTree(label) }
  try step(label) { () throws(SystemCallError) in
    if found == nil, fills, !driver.options.contains("ro") {
      mount.filling = try VolumeFilling(record: record, target: tree, isLasting: false)
    }
    // A copy has the flags of the container that it is from.
    if found != nil { try setMountFlags(tree.raw, [], clear: [.readOnly, .inert]) }
    mount.source = tree
    let record = try Descriptor.open(
      folder.appending(container), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    mount.memory = MemoryVolume(
      lock: lock, record: SharedDescriptor(record), device: try status(of: tree.raw).st_dev,
      label: label)
  }
}

/// A copy of the mount from the first container that has it.
private func heldByOthers(_ folder: FilePath) throws(SystemCallError) -> SharedDescriptor? {
  for name in try namesInFolder(folder) {
    if let tree = try heldTree(folder.appending(name)) { return tree }
  }
  return nil
}

private func heldTree(_ record: FilePath) throws(SystemCallError) -> SharedDescriptor? {
  let text = try Descriptor.open(record, O_RDONLY | O_NOFOLLOW).readAll(limit: 1 << 16)
  let fields = text.split(separator: UInt8(ascii: " "), maxSplits: 3)
  let numbers = fields.prefix(3).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
  guard fields.count == 4, numbers.count == 3, let namespace = try openNamespace(numbers)
  else { return nil }
  return try visiting(namespace) { () throws(SystemCallError) -> SharedDescriptor? in
    let root = RootFolder(handle: try Descriptor.open("/", O_PATH | O_DIRECTORY))
    let memoryMagic: Set = [0x0102_1994, 0x8584_58f6]
    guard let place = try root.find(Bytes(Array(fields[3])).path),
      try place.status().st_dev == dev_t(numbers[2]),
      memoryMagic.contains(berth_filesystem_type(place.raw))
    else { return nil }
    return SharedDescriptor(try DetachedMount.copy(of: place.raw).root.duplicate())
  }
}

/// The mount namespace of a process, when it is still the one that was meant: a number may have
/// been given again.
private func openNamespace(_ numbers: [UInt64]) throws(SystemCallError) -> Descriptor? {
  do throws(SystemCallError) {
    let process = try Descriptor.open(FilePath("/proc/\(numbers[0])"), O_RDONLY | O_DIRECTORY)
    // Through one handle: of a process that has gone nothing can be read, whoever has its number.
    guard try ProcessStart(process).time == numbers[1] else { return nil }
    return try process.openChild("ns/mnt", O_RDONLY)
  } catch {
    if error.errno == .noSuchFileOrDirectory || error.errno == .noSuchProcess { return nil }
    throw error
  }
}

/// Runs `body` in another mount namespace and comes back, to the same root.
private func visiting<Result>(
  _ namespace: borrowing Descriptor, _ body: () throws(SystemCallError) -> Result
) throws(SystemCallError) -> Result {
  let home = try Descriptor.open("/proc/self/ns/mnt", O_RDONLY)
  let root = try Descriptor.open("/", O_PATH | O_DIRECTORY)
  try checking("setns") { berth_setns(namespace.raw, CLONE_NEWNS) }
  let result: Result?
  var failure: SystemCallError?
  do throws(SystemCallError) { result = try body() } catch {
    result = nil
    failure = error
  }
  try checking("setns") { berth_setns(home.raw, CLONE_NEWNS) }
  try checking("fchdir") { fchdir(root.raw) }
  try checking("chroot") { chroot(".") }
  guard let result else { throw failure ?? SystemCallError("setns", "", .invalidArgument) }
  return result
}

func ownStart() throws(LaunchFailure) -> ProcessStart {
  try step("reading /proc/self/stat") { () throws(SystemCallError) in
    try ProcessStart(of: "self")
  }
}
