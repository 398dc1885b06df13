// The root that a layer is made on: folders are made where they lack, and those that something was put into
// keep the time that they had, so that a layer holds no change that nobody asked for.

import CLinux
import Control
import Glibc
import Linux
import SystemPackage

struct Ownership: Equatable {
  var uid: UInt32 = 0
  var gid: UInt32 = 0
}

/// A folder of the root that is copied into.
final class TargetFolder {
  let handle: SharedDescriptor
  /// From the root, without links.
  let names: [[UInt8]]
  /// What is made in it would get its group.
  let givesGroup: Bool
  /// What it is set to when all is in it; nil leaves what comes of it.
  var time: timespec?
  /// Something was put into it.
  var isTouched = false

  init(_ handle: SharedDescriptor, names: [[UInt8]], _ status: EntryStatus) {
    self.handle = handle
    self.names = names
    givesGroup = status.mode & 0o2000 != 0
    time = status.modified
  }

  func close() throws(SystemCallError) {
    guard isTouched, let time else { return }
    let times = [time, time]
    try checking("futimens", text(joined(names))) { futimens(handle.raw, times) }
  }
}

final class TargetTree {
  let root: SharedDescriptor
  /// No file is later than this.
  private let latest: timespec?
  /// Folders were taken away, so one that was made in their place may hide what older layers have.
  var mayHideFolders = false
  /// Folders that were made on the way to others, as whoever unpacks a layer makes them: 0755, of root.
  private(set) var implied: Set<[UInt8]> = []
  /// Those that are in use, in the order in which they were opened.
  private var opened: [TargetFolder] = []

  init(root: SharedDescriptor, latest: Int64?) {
    self.root = root
    self.latest = latest.map { timespec(tv_sec: Int($0), tv_nsec: 0) }
  }

  /// The time that a file gets which has been changed at `time`.
  func time(_ time: timespec) -> timespec {
    guard let latest, time.tv_sec >= latest.tv_sec else { return time }
    return latest
  }

  func open(_ way: Way) throws -> TargetFolder {
    let folder = TargetFolder(
      way.folder, names: way.names, try EntryStatus(of: way.folder.raw))
    opened.append(folder)
    return folder
  }

  /// Gives the folders in use their times. To be called before any of them is opened anew.
  func close() throws {
    while let folder = opened.popLast() { try folder.close() }
  }

  /// What `path` leads to in the root, its links followed; folders that lack are made for `owner`, with
  /// 0755, all or all but the last.
  func find(_ path: [UInt8], making owner: Ownership, makesLast: Bool) throws -> Finding {
    try Layering.find(names(of: path), below: root, makesLast: makesLast) { way, name in
      try make(name, in: try open(way), owner)
      return true
    }
  }

  /// The folder that `path` leads to, made where it lacks.
  func folder(_ path: [UInt8], making owner: Ownership) throws -> TargetFolder {
    switch try find(path, making: owner, makesLast: true) {
    case .folder(let way): return try open(way)
    case .other(let way, let name, _), .blocked(let way, let name), .missing(let way, let name, _):
      throw notFolder(way, name)
    }
  }

  private func make(_ name: [UInt8], in folder: TargetFolder, _ owner: Ownership) throws {
    let made = try makeFolder(name + [0], in: folder)
    try checking("fchown", text(name)) { fchown(made.raw, owner.uid, owner.gid) }
    try checking("fchmod", text(name)) { fchmod(made.raw, 0o755) }
    if owner == Ownership() { implied.insert(joined(folder.names + [name])) }
    guard let latest else { return }
    let times = [latest, latest]
    try checking("futimens", text(name)) { futimens(made.raw, times) }
  }

  /// Something was copied that says how this folder is to be.
  func define(_ folder: TargetFolder) { _ = implied.remove(joined(folder.names)) }

  /// Makes implied folders like those that they will lie above, for in an overlay the topmost says how
  /// a folder is: without it `/tmp` would lose its sticky bit to one file. One that lies above something
  /// else, such as a link, is not implied: who unpacks the layers one on the other would follow that.
  func settle(like below: SharedDescriptor) throws {
    for path in implied {
      let names = Layering.names(of: path)
      let found = try Layering.find(names, below: below)
      if case .missing = found { continue }
      guard case .folder(let like) = found, like.names == names,
        case .folder(let made) = try Layering.find(names, below: root)
      else {
        implied.remove(path)
        continue
      }
      // Nothing else holds the two open.
      try withExtendedLifetime((like.folder, made.folder)) {
        let (status, raw) = (try EntryStatus(of: like.folder.raw), made.folder.raw)
        try checking("fchown", text(path)) { fchown(raw, status.uid, status.gid) }
        try checking("fchmod", text(path)) { fchmod(raw, status.mode) }
        let times = [status.modified, status.modified]
        try checking("futimens", text(path)) { futimens(raw, times) }
      }
    }
  }

  /// A new folder that nobody else may look into yet.
  func makeFolder(_ name: CName, in folder: TargetFolder) throws(SystemCallError) -> Descriptor {
    folder.isTouched = true
    try checking("mkdir", text(name)) {
      withPointer(name) { mkdirat(folder.handle.raw, $0, 0o700) }
    }
    return try openChild(name, in: folder.handle.raw, O_RDONLY | O_DIRECTORY)
  }
}

func notFolder(_ way: Way, _ name: [UInt8]) -> LayerFailure {
  LayerFailure(
    ofTarget: "cannot copy into `\(text([slash] + joined(way.names + [name])))`: it is not a folder"
  )
}
