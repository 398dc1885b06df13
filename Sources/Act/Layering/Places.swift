// Paths as people write them for a tree that is not the host's: taken apart, looked up step by step below
// a root by handles. Links of the tree are followed inside of it, and no `..` leads out.

import CLinux
import Control
import Glibc
import Linux
import SystemPackage

/// More links in one path than this are a circle.
private let linkLimit = 40
/// More names than this in one path are somebody's doing: PATH_MAX has no more, links add theirs.
private let nameLimit = 4096

let slash = UInt8(ascii: "/")

/// The names of a path. What means nothing is left out: slashes, single dots.
func names(of path: some Sequence<UInt8>) -> [[UInt8]] {
  Array(path).split(separator: slash).map { Array($0) }.filter { !isDot($0) }
}

/// The same without `..`, which takes away the name before it and none at the top.
func cleanNames(of path: some Sequence<UInt8>) -> [[UInt8]] {
  names(of: path).reduce(into: []) { names, name in
    if isUp(name) { _ = names.popLast() } else { names.append(name) }
  }
}

private func isDot(_ name: [UInt8]) -> Bool { name.count == 1 && name[0] == 0x2E }
private func isUp(_ name: [UInt8]) -> Bool {
  name.count == 2 && name[0] == 0x2E && name[1] == 0x2E
}

func joined(_ names: some Sequence<[UInt8]>) -> [UInt8] { Array(names.joined(separator: [slash])) }

/// A folder of a tree with the way to it: names that are no links, and an open folder for each.
struct Way {
  var names: [[UInt8]] = []
  /// One more than names; the first is the tree's root.
  var folders: [SharedDescriptor]

  init(root: SharedDescriptor) { folders = [root] }

  var folder: SharedDescriptor { folders[folders.count - 1] }

  mutating func goUp() {
    guard !names.isEmpty else { return }
    names.removeLast()
    folders.removeLast()
  }

  mutating func goToRoot() {
    names = []
    folders = [folders[0]]
  }
}

/// What a path leads to.
enum Finding {
  /// It is the folder at the end of the way.
  case folder(Way)
  /// Something else, by this name in the folder at the end of the way.
  case other(Way, [UInt8], EntryStatus)
  /// The way ends here: this name is not in it, and what comes behind is not looked at.
  case missing(Way, [UInt8], behind: [[UInt8]])
  /// This name is no folder, and something comes behind.
  case blocked(Way, [UInt8])
}

/// What becomes of a name on a way that is not there; true when it is a folder now.
typealias MissingFolder = (_ way: Way, _ name: [UInt8]) throws -> Bool

/// Looks up `path` below `root`.
/// - Parameters:
///   - followsLast: whether a link at the end is followed.
///   - make: asked for names that lack, but for the last when `makesLast` is false.
func find(
  _ path: [[UInt8]], below root: SharedDescriptor, followsLast: Bool = true,
  makesLast: Bool = true, make: MissingFolder = { _, _ in false }
) throws -> Finding {
  guard !path.contains(where: { $0.contains(0) }) else {
    throw LayerFailure("`\(text(joined(path)))` is no path: a NUL is in it")
  }
  var way = Way(root: root)
  var rest = Array(path.reversed())
  var links = 0
  while let name = rest.popLast() {
    if isUp(name) {
      way.goUp()
      continue
    }
    var status = try EntryStatus(name + [0], in: way.folder.raw)
    if status == nil, !rest.isEmpty || makesLast, try make(way, name) {
      status = try EntryStatus(name + [0], in: way.folder.raw)
    }
    guard let status else { return .missing(way, name, behind: rest.reversed()) }
    switch status.kind {
    case .folder:
      let opened = try openChild(name + [0], in: way.folder.raw, O_RDONLY | O_DIRECTORY)
      way.folders.append(SharedDescriptor(opened))
      way.names.append(name)
    case .link where followsLast || !rest.isEmpty:
      links += 1
      let target = try linkTarget(name + [0], in: way.folder.raw)
      guard links <= linkLimit, rest.count < nameLimit else {
        throw SystemCallError("open", text(joined(path)), .tooManySymbolicLinkLevels)
      }
      if target.first == slash { way.goToRoot() }
      rest += names(of: target).reversed()
    default:
      return rest.isEmpty ? .other(way, name, status) : .blocked(way, name)
    }
  }
  return .folder(way)
}
