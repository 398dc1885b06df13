// A folder for one test's journal, and short words for writing and reading it.

import CLinux
import Glibc
import Journal
import Linux
import SystemPackage
import Testing

final class JournalFolder {
  let path: FilePath
  private let root: FilePath

  init() throws {
    var template = Array("/tmp/berth-journal-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    root = FilePath(platformString: template)
    path = root.appending("journal")
  }

  deinit {
    // A folder under /tmp that stays is the worst that can come of it.
    try? removeTree(root)
  }

  func writer(segmentSize: UInt64 = 1 << 20, segments: Int = 4) -> JournalWriter {
    JournalWriter(folder: path, segmentSize: segmentSize, segmentCount: segments)
  }

  func reader(_ start: JournalReader.Start = .beginning, follow: Bool = false) throws
    -> JournalReader
  {
    try JournalReader(folder: path, from: start, follow: follow)
  }

  var segments: [String] {
    get throws {
      try namesInFolder(path).map(\.string).filter { $0.hasSuffix(".log") }.sorted()
    }
  }

  /// The newest segment's path.
  var newest: String {
    get throws { path.string + "/" + (try #require(try segments.last)) }
  }
}

extension JournalReader {
  /// All lines that are there now, as `o:text`, `e:text`, `n:text`.
  func lines() throws -> [String] {
    var lines: [String] = []
    while let batch = try nextBatch() {
      for entry in batch.entries {
        let mark =
          switch entry.stream {
          case .output: "o"
          case .error: "e"
          case .notice: "n"
          }
        lines.append(mark + ":" + String(decoding: entry.bytes, as: UTF8.self))
      }
    }
    return lines
  }
}

extension JournalWriter {
  func write(_ text: String, _ stream: JournalStream = .output, at nanoseconds: Int64 = 1) {
    append(stream, at: nanoseconds, Array(text.utf8))
  }
}
