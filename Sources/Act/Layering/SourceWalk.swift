// Goes through what is copied, in the order of its names, by handles: no link is followed, and folders
// that hold nothing of it are not read.

import CLinux
import Control
import Glibc
import Linux
import SystemPackage

/// One place in a source, for as long as it is looked at.
struct SourceItem {
  /// An open folder and the name of the item in it.
  var folder: CInt
  var name: CName
  /// Below what is copied.
  var path: [UInt8]
  var status: EntryStatus
}

protocol SourceVisitor {
  /// A folder; what is in it comes next.
  mutating func begin(_ folder: SourceItem) throws
  mutating func end(_ folder: SourceItem) throws
  /// All else.
  mutating func add(_ item: SourceItem) throws
}

struct SourceWalk<Visitor: SourceVisitor> {
  /// As many folders are open at once.
  private let depthLimit = 256

  let filter: SourceFilter
  var visitor: Visitor
  private var path: [UInt8] = []
  /// Folders on the way that the visitor does not know of yet: it may be that nothing of them is taken.
  private var pending: [SourceItem] = []
  private var requester = Requester()

  init(_ filter: SourceFilter, _ visitor: Visitor) {
    self.filter = filter
    self.visitor = visitor
  }

  /// Visits all below an open folder, which is not visited itself.
  mutating func run(in folder: CInt) throws { try run(in: folder, filter.start, depth: 0) }

  private mutating func run(in folder: CInt, _ state: SourceFilter.State, depth: Int) throws {
    guard depth < depthLimit else {
      throw LayerFailure("folders are nested too deeply at `\(text(path))`")
    }
    for name in try names(in: folder) {
      try requester.look(after: Requester.entry)
      let length = path.count
      defer { path.removeLast(path.count - length) }
      if length > 0 { path.append(slash) }
      path.append(contentsOf: name.dropLast())
      var state = state
      let verdict = filter.verdict(on: path, &state)
      if case .left = verdict { continue }
      // It may have gone since the folder was read.
      guard let status = try EntryStatus(name, in: folder) else { continue }
      let item = SourceItem(folder: folder, name: name, path: path, status: status)
      switch (status.kind, verdict) {
      case (.folder, _): try enter(item, verdict, state, depth)
      case (.socket, _): continue  // it is nothing without who listens
      case (_, .taken):
        try tell()
        try visitor.add(item)
      case (_, _): continue
      }
    }
  }

  private mutating func enter(
    _ item: SourceItem, _ verdict: SourceFilter.Verdict, _ state: SourceFilter.State, _ depth: Int
  ) throws {
    let inner = try openChild(item.name, in: item.folder, O_RDONLY | O_DIRECTORY)
    pending.append(item)
    let unknown = pending.count
    if case .taken = verdict { try tell() }
    try run(in: inner.raw, state, depth: depth + 1)
    if pending.count == unknown { pending.removeLast() } else { try visitor.end(item) }
  }

  private mutating func tell() throws {
    let folders = pending
    pending.removeAll(keepingCapacity: true)
    for folder in folders { try visitor.begin(folder) }
  }
}
