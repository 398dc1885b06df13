// The writable layer of a container as a layer of an image: what overlayfs keeps in its upper folder, in
// the form that layers have. OCI image spec, "Layer Filesystem Changeset".

import CLinux
import Glibc
package import Linux
import SystemPackage

/// How a tree is read that is an upper folder of overlayfs.
package struct LayerRules: Sendable {
  /// Which folders hide what older layers have below them.
  package enum Opaque: Sendable {
    /// Those that overlayfs marks so, where any of these layers has something of the name: overlayfs
    /// marks every new folder.
    case over([SharedDescriptor])
    /// None: nothing was taken away.
    case never
  }

  /// Paths from the tree's root, without a slash before or behind, that are left out: where something is
  /// mounted in the container, what lies below was never seen there.
  let leftOut: Set<[UInt8]>

  let opaque: Opaque
  /// Folders that are not told of themselves, only by what is in them.
  package var implied: Set<[UInt8]> = []

  package init(leavingOut paths: [[UInt8]], opaque: Opaque) {
    leftOut = Set(paths.map(Self.plain))
    self.opaque = opaque
  }

  private static func plain(_ path: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    return Array(path.split(separator: slash).joined(separator: [slash]))
  }
}

private let prefix = Array(".wh.".utf8)

/// What stands in a layer for something that lies below it and is gone.
func whiteout(of name: [UInt8], in folder: [UInt8]) -> [UInt8] {
  (folder.isEmpty ? [] : folder + [UInt8(ascii: "/")]) + prefix + name
}

/// What stands in a folder of a layer that hides all that lies below it.
func opaqueMark(in folder: [UInt8]) -> [UInt8] { whiteout(of: Array(".wh..opq".utf8), in: folder) }

/// Whether a name would be taken for a whiteout where it is one of a file.
func looksLikeWhiteout(_ name: [UInt8]) -> Bool { name.starts(with: prefix) }

extension FileStatus {
  /// overlayfs: a device of the numbers 0 and 0.
  var isWhiteout: Bool { kind == .character && major == 0 && minor == 0 }
}

extension CopyTree {
  /// Whether overlayfs hides what lies below this folder in older layers.
  func isOpaque(_ folder: borrowing Descriptor) -> Bool {
    var value: UInt8 = 0
    // None there: the usual case.
    return fgetxattr(folder.raw, "trusted.overlay.opaque", &value, 1) == 1
      && value == UInt8(ascii: "y")
  }

  /// Whether one of the layers has something by this path.
  func isKnown(_ path: [UInt8], to layers: [SharedDescriptor]) throws(SystemCallError) -> Bool {
    for layer in layers {
      do throws(SystemCallError) {
        _ = try borrowed(layer).resolve(
          filePath(path), O_PATH | O_NOFOLLOW,
          resolve: Int32(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
        return true
      } catch {
        switch error.errno {
        case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels: continue
        default: throw error
        }
      }
    }
    return false
  }
}
