// Several journals read as one: the earliest batch first, the end of a run behind its lines.

import Blueprint
import CLinux
import Glibc
import Journal

struct LogMerge {
  enum Item {
    case lines(JournalBatch)
    case end(RunEnd)

    var nanoseconds: Int64 {
      switch self {
      case .lines(let batch): batch.nanoseconds
      case .end(let end): end.nanoseconds
      }
    }
  }

  struct Entry {
    let source: LogSource
    let reader: JournalReader
    /// Read for its ends alone.
    var isMuted = false
    var filter: LineFilter?
    /// Read ahead to find the last lines that match; the earliest is the last.
    var ahead: [Item] = []
    var next: Item?
    /// When the last run ended that was told of.
    var lastEnd = Int64.min
    var wasWritten = false
  }

  private(set) var seen: Set<String> = []
  var sources: [Entry] = []
  private let since: Int64
  private let until: Int64
  /// Ends before this are old news.
  let endsSince: Int64

  init(since: Timestamp?, until: Timestamp?, endsSince: Int64) {
    self.since = since?.nanoseconds ?? .min
    self.until = until?.nanoseconds ?? .max
    self.endsSince = endsSince
  }

  func hasSeen(_ id: String) -> Bool { seen.contains(id) }
  mutating func note(_ id: String) { seen.insert(id) }

  /// - Parameter tail: how many of the lines that there are now and that pass the filter are kept; nil is
  ///   all. Without a filter the reader begins there.
  mutating func add(_ entry: Entry, tail: Int?) {
    var entry = entry
    if entry.filter != nil, let tail { entry.readAhead(keeping: tail) }
    sources.append(entry)
  }

  var isBeingWritten: Bool { sources.contains { $0.reader.isBeingWritten } }

  /// How much is gathered before it is handed on: enough to keep the calls few.
  private static let groupBytes = 256 << 10

  /// Hands on everything that there is now, in order of time.
  mutating func drain(_ sink: LogSink) {
    var group: [LogBatch] = []
    var bytes = 0
    func flush() {
      if !group.isEmpty { sink(.lines(group)) }
      group = []
      bytes = 0
    }
    while let index = earliest() {
      guard let item = sources[index].next else { break }
      sources[index].next = nil
      switch item {
      case .end(let end):
        sources[index].lastEnd = end.nanoseconds
        guard end.nanoseconds >= endsSince else { continue }
        flush()
        sink(.exited(sources[index].source, code: end.code, restarts: end.restarts))
      case .lines(let batch):
        guard isWanted(batch, of: index) else { continue }
        group.append(LogBatch(source: sources[index].source, lines: batch))
        bytes += batch.bytes.count
        if bytes >= Self.groupBytes { flush() }
      }
    }
    flush()
  }

  private func isWanted(_ batch: JournalBatch, of index: Int) -> Bool {
    !sources[index].isMuted && batch.nanoseconds >= since && batch.nanoseconds <= until
  }

  /// Hands on lines that nobody finished.
  mutating func finish(_ sink: LogSink) {
    for index in sources.indices {
      let source = sources[index].source
      let rest = sources[index].reader.unfinishedLines()
        .filter { isWanted($0, of: index) }
        .compactMap { sources[index].passed($0) }
      if !rest.isEmpty { sink(.lines(rest.map { LogBatch(source: source, lines: $0) })) }
    }
  }

  /// Fills every source's next batch and answers the one that came first.
  private mutating func earliest() -> Int? {
    var best: (index: Int, time: Int64)?
    for index in sources.indices {
      if sources[index].next == nil { sources[index].next = sources[index].read() }
      guard let time = sources[index].next?.nanoseconds else { continue }
      if best.map({ time < $0.time }) ?? true { best = (index, time) }
    }
    return best?.index
  }

  /// Blocks until one of the journals may have more, at most so long.
  func wait(milliseconds: Int32) {
    var waiting = sources.compactMap { entry in
      entry.reader.notifications.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }
    poll(&waiting, nfds_t(waiting.count), milliseconds)
  }
}

extension LogMerge.Entry {
  fileprivate mutating func read() -> LogMerge.Item? {
    if let item = ahead.popLast() { return item }
    while true {
      // A journal that cannot be read on has no more lines; the other containers' go on.
      switch try? reader.next() {
      case .batch(let batch):
        if let batch = passed(batch) { return .lines(batch) }
      case .runEnded(let end): return .end(end)
      case .idle, .ended, nil: return nil
      }
    }
  }

  /// What the filter leaves of it; nil when that is nothing.
  fileprivate mutating func passed(_ batch: JournalBatch) -> JournalBatch? {
    filter == nil ? batch : filter?.passed(batch)
  }

  fileprivate mutating func readAhead(keeping tail: Int) {
    var kept: [LogMerge.Item] = []
    var lines = 0
    var first = 0
    while let item = read() {
      kept.append(item)
      if case .lines(let batch) = item { lines += batch.lineCount }
      // Dropped in large pieces: each costs a move of the rest.
      while first < kept.count, lines - kept[first].lineCount >= tail {
        lines -= kept[first].lineCount
        first += 1
      }
      if first > 1024 {
        kept.removeFirst(first)
        first = 0
      }
    }
    kept.removeFirst(first)
    if lines > tail, case .lines(var batch) = kept.first {
      batch.removeFirst(lines: lines - tail)
      kept[0] = .lines(batch)
    }
    ahead = kept.reversed()
  }
}

extension LogMerge.Item {
  fileprivate var lineCount: Int {
    if case .lines(let batch) = self { return batch.lineCount }
    return 0
  }
}
