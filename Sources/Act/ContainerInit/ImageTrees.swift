// Images and parts of volumes as trees to attach. They are mounted for a moment on the folder that
// the container's root will be mounted on; by then the mount tree is our own.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Makes the trees of images, and cuts file systems of volumes down to the folder that is wanted.
/// - Parameter absoluteLinks: of images, on the way to the part of them that is wanted.
func makeTrees(
  _ mounts: inout [PreparedMount], _ containerFolder: FilePath, absoluteLinks: AbsoluteLinks
) throws(LaunchFailure) {
  for index in mounts.indices {
    let label = mounts[index].step.label
    switch mounts[index].step {
    case .image(let id, let layers, _, let subpath):
      let place = try step(label) { () throws(SystemCallError) in
        let place = try Workplace(in: containerFolder)
        try place.mountLayers(layers)
        return place
      }
      let name = "image `\(id.prefix(19))`"
      mounts[index].source = try place.take(
        subpath, called: name, label, absoluteLinks: absoluteLinks)
      mounts[index].flags = [.readOnly, .noDevices]
    case .volume(let name, _, _, _, _, let subpath?, let driver?)
    where !driver.isBind && !driver.isMemory:
      guard let tree = mounts[index].source else { continue }
      let place = try step(label) { () throws(SystemCallError) in
        let place = try Workplace(in: containerFolder)
        try attachMount(tree.raw, to: place.folder)
        return place
      }
      mounts[index].source = try place.take(subpath, called: "volume `\(name)`", label)
    case .tmpfs, .bind, .volume: continue
    }
  }
}

/// An empty folder to mount on.
private struct Workplace: ~Copyable {
  let folder: Descriptor
  private let path: FilePath

  init(in containerFolder: FilePath) throws(SystemCallError) {
    path = containerFolder.appending("rootfs")
    try makeFolders(path)
    folder = try Descriptor.open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  }

  /// An overlay without an upper folder, which nobody can write to. It wants two layers at least:
  /// the lowest is the empty folder that it is mounted on.
  func mountLayers(_ layers: [Bytes]) throws(SystemCallError) {
    var stack: [SharedDescriptor] = []
    for layer in layers.reversed() {
      stack.append(SharedDescriptor(try Descriptor.open(layer.path, O_PATH | O_DIRECTORY)))
    }
    let numbers = stack.map { "\($0.raw)" } + ["\(folder.raw)"]
    try checking("chdir", "/proc/self/fd") { chdir("/proc/self/fd") }
    let options = "lowerdir=" + numbers.joined(separator: ":") + ",index=off,redirect_dir=off"
    let target = folder.raw
    try checking("mount", "overlay") { mount("overlay", "\(target)", "overlay", 0, options) }
    try checking("chdir", "/") { chdir("/") }
  }

  /// A copy of what is mounted here, or of `subpath` in it; the mount itself goes.
  consuming func take(
    _ subpath: Bytes?, called name: String, _ label: String, absoluteLinks: AbsoluteLinks = .leadOut
  ) throws(LaunchFailure) -> SharedDescriptor {
    let top = try step(label) { () throws(SystemCallError) in
      try Descriptor.open(path, O_PATH | O_DIRECTORY)
    }
    var part: SharedDescriptor?
    if let subpath {
      part = SharedDescriptor(
        try open(subpath, below: top, called: name, label, absoluteLinks: absoluteLinks))
    }
    let source = part?.raw ?? top.raw
    return try step(label) { () throws(SystemCallError) in
      let tree = try DetachedMount.copy(of: source)
      try checking("umount2", path.string) {
        path.withPlatformString { umount2($0, CInt(MNT_DETACH)) }
      }
      return SharedDescriptor(try tree.root.duplicate())
    }
  }
}
