// Several journals read as one: the earliest batch first.

import Blueprint
import CLinux
import Glibc
import Journal

struct LogMerge {
  struct Entry {
    let source: LogSource
    let reader: JournalReader
    var next: JournalBatch?
    var hasRun = true
    var isEnded = false
    var lastRestart = 0
  }

  private(set) var seen: Set<String> = []
  var sources: [Entry] = []
  private let since: Int64
  private let until: Int64

  init(since: Timestamp?, until: Timestamp?) {
    self.since = since?.nanoseconds ?? .min
    self.until = until?.nanoseconds ?? .max
  }

  func hasSeen(_ id: String) -> Bool { seen.contains(id) }
  mutating func note(_ id: String) { seen.insert(id) }

  mutating func add(_ source: LogSource, _ reader: JournalReader) {
    sources.append(Entry(source: source, reader: reader))
  }

  var isBeingWritten: Bool { sources.contains { $0.reader.isBeingWritten } }

  /// How much is gathered before it is handed on: enough to keep the calls few.
  private static let groupBytes = 256 << 10

  /// Hands on everything that there is now, in order of time.
  mutating func drain(_ sink: LogSink) {
    var group: [LogBatch] = []
    var bytes = 0
    while let index = earliest() {
      guard let batch = sources[index].next else { break }
      sources[index].next = nil
      if batch.nanoseconds >= since, batch.nanoseconds <= until {
        group.append(LogBatch(source: sources[index].source, lines: batch))
        bytes += batch.bytes.count
      }
      if bytes >= Self.groupBytes {
        sink(.lines(group))
        group = []
        bytes = 0
      }
    }
    if !group.isEmpty { sink(.lines(group)) }
  }

  /// Hands on lines that nobody finished.
  mutating func finish(_ sink: LogSink) {
    for entry in sources {
      let rest = entry.reader.unfinishedLines().filter {
        $0.nanoseconds >= since && $0.nanoseconds <= until
      }
      if !rest.isEmpty { sink(.lines(rest.map { LogBatch(source: entry.source, lines: $0) })) }
    }
  }

  /// Fills every source's next batch and answers the one that came first.
  private mutating func earliest() -> Int? {
    var best: (index: Int, time: Int64)?
    for index in sources.indices {
      if sources[index].next == nil { sources[index].next = read(sources[index].reader) }
      guard let time = sources[index].next?.nanoseconds else { continue }
      if best.map({ time < $0.time }) ?? true { best = (index, time) }
    }
    return best?.index
  }

  private func read(_ reader: JournalReader) -> JournalBatch? {
    // A journal that cannot be read on has no more lines; the other containers' go on.
    guard case .batch(let batch) = try? reader.next() else { return nil }
    return batch
  }

  /// Blocks until one of the journals may have more, at most so long.
  func wait(milliseconds: Int32) {
    var waiting = sources.compactMap { entry in
      entry.reader.notifications.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }
    poll(&waiting, nfds_t(waiting.count), milliseconds)
  }
}
