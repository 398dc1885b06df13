// The build cache beyond one build: how long it is kept, how large it may be, and what goes when it is pruned.

package import Blueprint
import CLinux
import Diagnostics
import Glibc
import Images
import Linux
import OCI
import Store
import SystemPackage

/// What builds of no use to anybody may keep.
enum CacheBounds {
  /// Of no use for so long, a thing goes: 14 days.
  static let age: Int64 = 14 * 24 * 3600 * 1_000_000_000
  /// Together they have a tenth of the file system, and no more than this.
  static let mostBytes: UInt64 = 20 << 30
  static let partOfDisk: UInt64 = 10
  /// Folders are measured only so often: that takes time.
  static let measuring: Int64 = 24 * 3600 * 1_000_000_000

  static func bytes(at folder: FilePath) throws -> UInt64 {
    var status = statvfs()
    try checking("statvfs", folder.string) { folder.withPlatformString { statvfs($0, &status) } }
    let disk = UInt64(status.f_blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return disk.overflow ? mostBytes : min(mostBytes, disk.partialValue / partOfDisk)
  }
}

package struct BuildCachePruning: Sendable {
  /// The keys of steps, and names of folders.
  package var ids: [String]
  /// Bytes.
  package var freed: UInt64
  /// A build was at work: its folders stay.
  package var isPartial: Bool
}

extension Stock {
  /// - Parameters:
  ///   - until: only what was of no use since; nil is all.
  ///   - keeping: bytes of layers, and of folders, that may stay.
  package func pruneBuildCache(all: Bool, until: Timestamp?, keeping: UInt64?) async throws
    -> BuildCachePruning
  {
    try await blocking {
      let rule = CacheRule(unusedSince: until?.nanoseconds, keeping: keeping)
      let steps = try self.images.pruneSteps(
        [rule], all ? .all : .unneeded, usedBy: self.imageUsers)
      let folders = BuildFolders(layout: self.layout)
      let pruned = try folders.prune(
        [rule], all ? Set(BuildFolders.Kind.allCases) : BuildFolders.Kind.fetched)
      return BuildCachePruning(
        ids: steps.keys.map(\.hex) + (pruned?.names ?? []),
        freed: steps.freed &+ (pruned?.freed ?? 0), isPartial: pruned == nil)
    }
  }

  /// Takes away what is too old or too much. Blocks.
  func boundBuildCache(at now: Timestamp) throws {
    let oldest = now.nanoseconds - CacheBounds.age
    let limit = try CacheBounds.bytes(at: layout.state)
    let rules = [CacheRule(unusedSince: oldest), CacheRule(keeping: limit)]
    let steps = try images.cachedSteps()
    let size = steps.reduce(UInt64(0)) { $0 &+ $1.size }
    if size > limit || steps.first.map({ $0.lastUse < oldest }) ?? false {
      _ = try images.pruneSteps(rules, .all, usedBy: imageUsers)
    }
    let folders = BuildFolders(layout: layout)
    let isDue = folders.lastMeasuring.map { now.nanoseconds - $0 > CacheBounds.measuring } ?? true
    let isOld = try folders.entries().contains { $0.lastUse < oldest }
    guard isDue || isOld || folders.hasTrash else { return }
    // A build that is at work bounds them with its own end.
    _ = try folders.prune(isDue ? rules : [rules[0]], Set(BuildFolders.Kind.allCases))
    if isDue { try folders.noteMeasuring() }
  }
}

/// What builds keep below `<state>/builds` beside layers: one entry for each cache of `RUN --mount`, for
/// the digests of each context and for each thing that was fetched. Who builds shares `lock`; things go
/// while it is held alone.
struct BuildFolders {
  enum Kind: String, CaseIterable {
    case caches
    case digests
    case downloads
    case git

    /// What can be had again from where it came.
    static let fetched: Set<Kind> = [.downloads, .git]
  }

  struct Entry {
    var path: FilePath
    var kind: Kind
    /// Nanoseconds of the epoch.
    var lastUse: Int64
  }

  let layout: Layout

  func entries() throws -> [Entry] {
    var found: [Entry] = []
    for kind in Kind.allCases {
      let folder = layout.builds.appending(kind.rawValue)
      for name in try namesInFolder(folder) {
        let path = folder.appending(name)
        guard let time = modified(path) else { continue }
        found.append(Entry(path: path, kind: kind, lastUse: time))
      }
    }
    return found.sorted { ($0.lastUse, $0.path.string) < ($1.lastUse, $1.path.string) }
  }

  /// Removes what the rules mean, what was of use longest ago first. Blocks.
  /// - Returns: nil where a build is at work: then nothing was removed.
  func prune(_ rules: [CacheRule], _ kinds: Set<Kind>) throws -> (names: [String], freed: UInt64)? {
    guard isFolder(layout.builds) else { return ([], 0) }
    guard let lock = try FileLock.attempt(layout.buildsLock) else { return nil }
    defer { withExtendedLifetime(lock) {} }
    var names: [String] = []
    var freed = try emptyTrash()
    var entries = try entries().filter { kinds.contains($0.kind) }
    for rule in rules {
      var sizes: [FilePath: UInt64] = [:]
      if rule.keeping != nil {
        var disk = DiskUsage()
        for entry in entries { sizes[entry.path] = try disk.add(entry.path) }
      }
      var total = sizes.values.reduce(0, &+)
      var kept: [Entry] = []
      for entry in entries {
        let isTooMuch = rule.keeping.map { total > $0 } ?? true
        guard rule.isMeant(lastUse: entry.lastUse), isTooMuch else {
          kept.append(entry)
          continue
        }
        let size = sizes[entry.path] ?? 0
        total -= min(total, size)
        names.append("\(entry.kind.rawValue)/\(entry.path.lastComponent?.string ?? "")")
        freed &+= try remove(entry)
      }
      entries = kept
    }
    try removeTree(trash)
    return (names, freed)
  }

  /// Out of the way first, so that who is killed leaves nothing half.
  private func remove(_ entry: Entry) throws -> UInt64 {
    var random = SystemRandomNumberGenerator()
    let trash = trash.appending(String(random.next() as UInt64, radix: 16))
    try makeFolders(trash.removingLastComponent())
    try checking("rename", entry.path.string) {
      entry.path.withPlatformString { path in
        trash.withPlatformString { rename(path, $0) }
      }
    }
    var disk = DiskUsage()
    let size = try disk.add(trash)
    try removeTree(trash)
    return size
  }

  private var trash: FilePath { layout.builds.appending("trash") }

  /// Of one who was killed.
  var hasTrash: Bool { isFolder(trash) }

  private func emptyTrash() throws -> UInt64 {
    var disk = DiskUsage()
    var size: UInt64 = 0
    for name in try namesInFolder(trash) { size &+= try disk.add(trash.appending(name)) }
    try removeTree(trash)
    return size
  }

  private var measured: FilePath { layout.builds.appending("measured") }

  var lastMeasuring: Int64? { modified(measured) }

  func noteMeasuring() throws { try writeFile([], to: measured, .volatile) }

  private func modified(_ path: FilePath) -> Int64? {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0 else { return nil }
    return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
  }
}

/// Notes that something of the cache is of use now. Its age only decides what is pruned first.
func noteUse(_ path: FilePath) {
  _ = path.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
}
