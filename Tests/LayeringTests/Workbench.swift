// A context, the layers below, and an empty folder for the layer that is made, in a folder of the test's own.

import Archive
import Blueprint
import CLinux
import Control
import Glibc
import JSON
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Layering

/// One member of a layer; the content of files, the target of links.
struct Member: Equatable, CustomStringConvertible {
  var kind: TarEntry.Kind
  var mode: UInt32
  var owner: String
  var content: String
  var seconds: Int64

  var description: String { "\(kind) \(String(mode, radix: 8)) \(owner) \(content)" }
}

/// Removes its folder when it goes.
final class Workbench {
  static let needsRoot = geteuid() == 0

  let root: String
  var lowers: [Bytes]
  private var rounds = 0

  var context: String { root + "/context" }
  var below: String { root + "/below" }

  init() throws {
    var template = Array("/tmp/berth-layer-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    root = FilePath(platformString: template).string
    lowers = [Bytes(root + "/below")]
    for folder in [context, below] { try makeFolders(FilePath(folder), mode: 0o755) }
  }

  deinit {
    // A test is over when its folder stays as well.
    _ = try? removeTree(FilePath(root))
  }

  /// Below the context, or below `root` for paths that begin with a slash.
  func path(_ path: String) -> String { path.hasPrefix("/") ? root + path : context + "/" + path }

  @discardableResult
  func file(_ name: String, _ content: String = "", mode: mode_t = 0o644) throws -> String {
    let path = path(name)
    try makeFolders(FilePath(path).removingLastComponent(), mode: 0o755)
    unlink(path)
    let file = try Descriptor.open(FilePath(path), O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.writeAll(Array(content.utf8))
    try checking("fchmod") { fchmod(file.raw, mode) }
    return path
  }

  func folder(_ name: String, mode: mode_t = 0o755) throws {
    try makeFolders(FilePath(path(name)), mode: 0o755)
    try checking("chmod", name) { chmod(path(name), mode) }
  }

  func link(_ name: String, to target: String) throws {
    try makeFolders(FilePath(path(name)).removingLastComponent(), mode: 0o755)
    try checking("symlink", name) { symlink(target, path(name)) }
  }

  /// Sets what happened at `seconds`, and long ago enough to be trusted.
  func age(_ name: String, to seconds: Int) throws {
    let time = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    try checking("utimensat", name) {
      utimensat(AT_FDCWD, path(name), time, AT_SYMLINK_NOFOLLOW)
    }
  }

  func source(ignoring lines: [String] = [], digests: String? = nil) -> LayerSource {
    .folder(
      path: Bytes(context), ignored: lines.map { Bytes($0) }, digests: digests.map { Bytes($0) })
  }

  func copy(
    _ patterns: String..., to target: String, _ change: (inout LayerCopy) -> Void = { _ in }
  ) -> LayerCopy {
    var copy = LayerCopy(
      source: source(), patterns: patterns.map { Bytes($0) }, target: Bytes(target))
    change(&copy)
    return copy
  }

  /// Makes a layer of the steps, each time anew.
  func make(_ steps: LayerCopy..., latest: Int64? = nil) async throws -> [String: Member] {
    try await make(steps.map { .copy($0) }, latest: latest)
  }

  func make(_ steps: [LayerStep], latest: Int64? = nil) async throws -> [String: Member] {
    let result = try await run(.apply, steps, latest: latest)
    try #require(result.exitCode == 0, "\(result.errorOutput)")
    var members = Members()
    var reader = TarReader()
    try result.outputBytes.withUnsafeBytes { try reader.feed($0, to: &members) }
    try reader.finish(&members)
    return members.all
  }

  /// Why the steps cannot be done.
  func failure(_ steps: LayerCopy..., action: LayerJob.Action = .apply) async throws
    -> LayerFailure
  {
    let result = try await run(action, steps.map { .copy($0) })
    try #require(result.exitCode == 1, "\(result)")
    #expect(result.outputBytes.isEmpty)
    let lines = result.errorBytes.split(separator: UInt8(ascii: "\n"))
    try #require(lines.count == 1, "\(result.errorOutput)")
    return try JSONValue(parsing: Array(lines[0])).decode(LayerFailure.self)
  }

  /// - Parameters:
  ///   - descriptors: how many the program may have open.
  ///   - isHeard: whether somebody listens to its standard error.
  func run(
    _ action: LayerJob.Action, _ steps: [LayerStep], latest: Int64? = nil, descriptors: Int = 1024,
    isHeard: Bool = true
  ) async throws -> CommandResult {
    rounds += 1
    let place = root + "/round\(rounds)"
    for name in ["upper", "work"] { try makeFolders(FilePath(place + "/" + name), mode: 0o755) }
    var job = LayerJob(
      action: action, lowers: lowers, upper: Bytes(place + "/upper"), work: Bytes(place + "/work"),
      steps: steps)
    job.latest = latest
    // A fifo that was opened for both, and then for writing alone, is a pipe that nobody reads.
    let deaf = isHeard ? "" : "mkfifo \(place)/p; exec 3<>\(place)/p 2>\(place)/p 3>&-; "
    let script = "ulimit -n \(descriptors); \(deaf)exec \"$0\" layer"
    let command = try Command(
      ["sh", "-c", script, builtProgram("berth-unpack")], folder: "/", environment: [:],
      input: JSONValue(encoding: job).bytes())
    return try await command.wait()
  }
}

private struct Members: TarVisitor {
  var all: [String: Member] = [:]
  private var name = ""

  mutating func begin(_ entry: TarEntry) throws {
    name = String(decoding: entry.path, as: UTF8.self)
    #expect(all[name] == nil, "\(name) is there twice")
    all[name] = Member(
      kind: entry.kind, mode: entry.mode, owner: "\(entry.uid):\(entry.gid)",
      content: String(decoding: entry.target, as: UTF8.self), seconds: entry.modified.seconds)
  }

  mutating func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    all[name]?.content += String(decoding: bytes, as: UTF8.self)
  }

  mutating func end() throws {}
}
