// Hides and locks paths of /proc and /sys: with our own null device and our own empty folder, never
// with something that the image or another container could have put there.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

func maskPaths(
  _ paths: [Bytes], devices: borrowing Descriptor, in root: borrowing RootFolder
) throws(LaunchFailure) {
  var emptyFolder: SharedDescriptor?
  for path in paths {
    try step("masking `\(path.text)`") { () throws(SystemCallError) in
      guard let target = try root.find(path.path) else { return }
      if try target.status().st_mode & S_IFMT == S_IFDIR {
        if let emptyFolder {
          try DetachedMount.copy(of: emptyFolder.raw).attach(to: target)
        } else {
          let mount = try DetachedMount.make(
            "tmpfs", [("mode", "555"), ("size", "4k")], [.readOnly, .inert])
          try mount.attach(to: target)
          emptyFolder = SharedDescriptor(try mount.root.duplicate())
        }
      } else {
        let null = try devices.openChild("null", O_PATH | O_NOFOLLOW)
        let status = try null.status()
        guard status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == gnu_dev_makedev(1, 3) else {
          throw SystemCallError("fstat", "/dev/null", .invalidArgument)
        }
        try DetachedMount.copy(of: null.raw).attach(to: target)
      }
    }
  }
}

func lockPaths(_ paths: [Bytes], in root: borrowing RootFolder) throws(LaunchFailure) {
  for path in paths {
    try step("making `\(path.text)` read-only") { () throws(SystemCallError) in
      guard let target = try root.find(path.path) else { return }
      let mount = try DetachedMount.copy(of: target.raw, recursive: true)
      try mount.set(.readOnly, recursive: true)
      try mount.attach(to: target)
    }
  }
}
