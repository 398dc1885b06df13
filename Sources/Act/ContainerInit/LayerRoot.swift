// Roots for one who copies files into layers and starts no process in them: stacks of layers mounted for
// a moment in a mount namespace of the calling process alone, then held by handle and nowhere to be found.

package import Blueprint
import CLinux
import Glibc
package import Linux
import SystemPackage

/// Leaves the host's mounts behind, for good. The caller has one thread.
package func enterOwnMounts() throws(LaunchFailure) {
  try step("making a mount namespace") { () throws(SystemCallError) in
    try checking("unshare") { berth_unshare(UInt(CLONE_NEWNS)) }
    try checking("mount", "/") { mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
  }
}

/// The root that `layers`, bottom first and at least one, and an empty folder above them are together.
/// What is written to it goes to `upper`. `work` is an empty folder on the same file system.
package func mountLayers(_ layers: [Bytes], upper: Bytes, work: Bytes) throws(LaunchFailure)
  -> SharedDescriptor
{
  try step("mounting the layers to copy to") { () throws(SystemCallError) in
    let stack = try openLayers(layers)
    let above = try Descriptor.open(upper.path, O_PATH | O_DIRECTORY | O_NOFOLLOW)
    let aside = try Descriptor.open(work.path, O_PATH | O_DIRECTORY | O_NOFOLLOW)
    if let top = stack.first { try inheritFirst(from: top.raw, upper: above, work: aside) }
    return try mount(stack, "upperdir=\(above.raw),workdir=\(aside.raw),metacopy=off", on: work)
  }
}

/// The root that `layers` are together, bottom first and at least one, for reading.
package func mountLayers(_ layers: [Bytes]) throws(LaunchFailure) -> SharedDescriptor {
  try step("mounting the layers to copy from") { () throws(SystemCallError) in
    let stack = try openLayers(layers)
    // An overlay wants two layers; one alone is what it shows.
    if stack.count < 2, let only = stack.first { return only }
    return try mount(stack, nil, on: layers[0])
  }
}

/// A folder in memory that is nowhere in the tree of mounts.
package func makeMemoryFolder() throws(LaunchFailure) -> SharedDescriptor {
  try step("making a folder in memory") { () throws(SystemCallError) in
    let made = try DetachedMount.make("tmpfs", [("mode", "0755")], .inert)
    return SharedDescriptor(try made.root.duplicate())
  }
}

/// Handles on unpacked layers, given bottom first: top first.
package func openLayers(_ layers: [Bytes]) throws(SystemCallError) -> [SharedDescriptor] {
  var stack: [SharedDescriptor] = []
  for layer in layers.reversed() {
    stack.append(SharedDescriptor(try Descriptor.open(layer.path, O_PATH | O_DIRECTORY)))
  }
  return stack
}

/// - Parameter place: any folder; it is covered for as long as this call takes.
private func mount(_ stack: [SharedDescriptor], _ writing: String?, on place: Bytes)
  throws(SystemCallError) -> SharedDescriptor
{
  let options =
    "lowerdir=" + stack.map { "\($0.raw)" }.joined(separator: ":")
    + (writing.map { "," + $0 } ?? "") + ",index=off,redirect_dir=off"
  let target = try Descriptor.open(place.path, O_PATH | O_DIRECTORY)
  try checking("chdir", "/proc/self/fd") { chdir("/proc/self/fd") }
  try checking("mount", "overlay") {
    Glibc.mount("overlay", "\(target.raw)", "overlay", 0, options)
  }
  try checking("chdir", "/") { chdir("/") }
  let root = try Descriptor.open(place.path, O_RDONLY | O_DIRECTORY)
  // The handle keeps it.
  try checking("umount2") { place.path.withPlatformString { umount2($0, CInt(MNT_DETACH)) } }
  return SharedDescriptor(root)
}

/// The user and group that `specification`, `user[:group]`, is in a root: names are looked up in the
/// tables of accounts there, digits are numbers. Without a group it is that of the account, or the
/// number of the user once more.
package func owner(_ specification: String, in root: SharedDescriptor) throws(LaunchFailure)
  -> (user: UInt32, group: UInt32)
{
  let words = Array(specification.utf8).split(
    separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
  let isNumber =
    words.first.map { !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } } ?? false
  let hasGroup = words.count > 1 && !words[1].isEmpty
  let accounts = try step("reading the accounts of the image") { () throws(SystemCallError) in
    let copy = try checking("fcntl") { berth_fcntl(root.raw, F_DUPFD_CLOEXEC, 3) }
    return try Accounts(in: RootFolder(handle: Descriptor(owning: copy)))
  }
  let identity = try accounts.identity(of: specification, additional: [])
  return (identity.user, isNumber && !hasGroup ? identity.user : identity.group)
}
