// Events as they are written and read: whole lines of many writers, a bounded file, followed over its end.

import CLinux
import Glibc
import Linux
import SystemPackage
import Testing

@testable import EventLog

@Suite("A project's events")
struct EventLogTests {
  /// A run folder of its own.
  private final class Folder {
    let path: FilePath

    init() throws {
      path = FilePath("/tmp/berth-events-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
      try makeFolders(path)
    }

    // Nothing else is in it.
    deinit { try? removeTree(path) }

    var log: EventLog { EventLog(run: path, project: "shop") }
  }

  @Test("come back in the order in which they were written")
  func order() throws {
    let folder = try Folder()
    folder.log.append("create", of: "c1", attributes: #"{"name":"shop-web-1"}"#)
    folder.log.append("exec_create: sh -c \techo\n", of: "c1")
    let lines = try EventReader(folder.log).next()
    #expect(lines.map(\.action) == ["create", "exec_create: sh -c  echo "])
    #expect(lines.map(\.id) == ["c1", "c1"])
    #expect(String(decoding: lines[0].attributes, as: UTF8.self) == #"{"name":"shop-web-1"}"#)
    #expect(lines[0].nanoseconds <= lines[1].nanoseconds)
    #expect(lines[0].nanoseconds > 1_600_000_000_000_000_000)
  }

  @Test("are those of one project")
  func projects() throws {
    let folder = try Folder()
    EventLog(run: folder.path, project: "other").append("start", of: "c2")
    folder.log.append("start", of: "c1")
    #expect(try EventReader(folder.log).next().map(\.id) == ["c1"])
  }

  @Test("stay within a bound, and the last ones are kept")
  func bound() throws {
    let folder = try Folder()
    let attributes = "{\"label\":\"" + String(repeating: "x", count: 1900) + "\"}"
    for number in 0..<1000 { folder.log.append("start", of: "c\(number)", attributes: attributes) }
    let lines = try EventReader(folder.log).next()
    #expect(lines.count >= EventLog.keptEvents)
    #expect(lines.last?.id == "c999")
    #expect(lines.map(\.id) == (1000 - lines.count..<1000).map { "c\($0)" })
    var size: off_t = 0
    for path in [folder.log.file, folder.log.aside] {
      var status = stat()
      #expect(path.withPlatformString { stat($0, &status) } == 0)
      size += status.st_size
    }
    #expect(size <= off_t(2 * (EventLog.fileLimit + EventLog.lineLimit)))
  }

  @Test("leave out attributes that are too long for a line")
  func longAttributes() throws {
    let folder = try Folder()
    folder.log.append(
      "start", of: "c1", attributes: "{\"a\":\"" + String(repeating: "x", count: 4000) + "\"}")
    let line = try #require(try EventReader(folder.log).next().first)
    #expect(line.attributes == Array("{}".utf8))
  }

  @Test("are followed over the change of the file")
  func following() throws {
    let folder = try Folder()
    let reader = try EventReader(folder.log)
    #expect(try reader.next().isEmpty)
    var seen: [String] = []
    for number in 0..<8000 {
      folder.log.append("start", of: "container-with-a-long-name-for-an-id-\(number)")
      if number % 700 == 0 { seen += try reader.next().map(\.id) }
    }
    try reader.wait(milliseconds: 0)
    seen += try reader.next().map(\.id)
    #expect(seen == (0..<8000).map { "container-with-a-long-name-for-an-id-\($0)" })
  }

  @Test("of many writers do not mix")
  func writers() async throws {
    let folder = try Folder()
    let log = folder.log
    await withTaskGroup { group in
      for writer in 0..<8 {
        group.addTask {
          for number in 0..<100 { log.append("start", of: "\(writer)-\(number)") }
        }
      }
    }
    let lines = try EventReader(log).next()
    #expect(lines.count == 800)
    for writer in 0..<8 {
      let own = lines.map(\.id).filter { $0.hasPrefix("\(writer)-") }
      #expect(own == (0..<100).map { "\(writer)-\($0)" })
    }
  }
}
