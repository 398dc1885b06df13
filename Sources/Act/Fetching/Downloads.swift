// Files that builds have fetched, kept with what their servers call them, so that an unchanged one is
// asked for and not sent again. Below `<state>/builds/downloads`:
//
//   <digest of the address>/record.json   what the server said of the content, and its digest
//   <digest of the address>/<digest>      the content: mode 0600, its time that of Last-Modified
//   <digest of the address>/lock          held while these two are read or changed, never while it is fetched
//
// A build gets its own name for the content: what happens here later is nothing to it.

import CLinux
package import Diagnostics
package import Dockerfile
import Glibc
import Linux
package import OCI
package import Registry
import Store
package import SystemPackage

/// A file that was fetched, as a build has it.
package struct FetchedFile: Sendable {
  package var path: FilePath
  package var digest: Digest
  /// Seconds since 1970; 0 where the server does not say it, as docker has it.
  package var modified: Int64
  /// Whether it was here already.
  package var isKnown: Bool

  /// Throws where the content is another than is wished for.
  package func check(_ expected: Digest?, as shown: String) throws(DownloadCheckFault) {
    guard let expected, expected != digest else { return }
    throw DownloadCheckFault(shown: shown, expected: expected, found: digest)
  }
}

/// How a file is wanted.
package struct FileWish: Sendable {
  package var reference: FileReference
  /// Where it shall be: a name that nothing has yet, on the file system of the state folder.
  package var path: FilePath
  /// Nil: any content is good.
  package var digest: Digest?
  /// Bytes.
  package var limit: UInt64

  package init(_ reference: FileReference, at path: FilePath, digest: Digest?, limit: UInt64) {
    self.reference = reference
    self.path = path
    self.digest = digest
    self.limit = limit
  }
}

package struct Downloads: Sendable {
  fileprivate struct Record: Codable {
    var url: String
    var etag: String?
    var lastModified: String?
    var modified: Int64
    var digest: Digest
  }

  private let root: FilePath
  private let downloader: Downloader

  package init(_ root: FilePath, _ downloader: Downloader) {
    self.root = root
    self.downloader = downloader
  }

  /// Fetches a file, or finds that it is as it was. One whose digest is known beforehand and here is not
  /// even asked for.
  /// - Parameter progress: bytes so far and of the whole; that is 0 where it is not known.
  package func fetch(
    _ wish: FileWish, progress: @escaping @Sendable (UInt64, UInt64) -> Void
  ) async throws -> FetchedFile {
    let known = try await blocking { try self.link(to: wish) }
    var request = DownloadRequest(
      wish.reference.url, shown: wish.reference.shown, limit: wish.limit)
    if let known {
      if known.digest == wish.digest { return known.file(at: wish.path) }
      (request.etag, request.lastModified) = (known.etag, known.lastModified)
    }
    let partial = FilePath(wish.path.string + ".part")
    let download = try await downloader.fetch(request, to: partial, progress: progress)
    guard let download else {
      guard let known else { preconditionFailure("what is not here is asked for whole") }
      let file = known.file(at: wish.path)
      try file.check(wish.digest, as: wish.reference.shown)
      return file
    }
    let record = Record(
      url: withoutSecrets(wish.reference.url), etag: download.etag,
      lastModified: download.lastModified, modified: download.modified ?? 0,
      digest: download.digest)
    var file = record.file(at: wish.path)
    file.isKnown = false
    try file.check(wish.digest, as: wish.reference.shown)
    let fetched = file
    return try await blocking {
      try settle(partial, at: wish.path, modified: record.modified)
      try self.keep(record, wish)
      return fetched
    }
  }

  private func folder(_ wish: FileWish) -> FilePath {
    root.appending(Digest(of: Array(wish.reference.url.utf8)).hex)
  }

  /// Gives the content that is here the name that is wished for; nil when there is none.
  private func link(to wish: FileWish) throws -> Record? {
    let folder = folder(wish)
    try makeFolders(folder)
    let lock = try FileLock.wait(folder.appending("lock"))
    // A record that cannot be read is none: the content is fetched anew.
    let record = try? readRecord(Record.self, at: folder.appending("record.json"))
    let found = record.flatMap {
      linked(folder.appending($0.digest.hex), wish.path) ? $0 : nil
    }
    if found != nil { noteUse(folder) }
    _ = consume lock
    return found
  }

  /// Lets later builds find it. That the file systems differ, or the file has too many names, costs them only
  /// time.
  private func keep(_ record: Record, _ wish: FileWish) throws {
    let folder = folder(wish)
    try makeFolders(folder)
    let lock = try FileLock.wait(folder.appending("lock"))
    try keep(record, of: wish.path, in: folder)
    _ = consume lock
  }

  private func keep(_ record: Record, of file: FilePath, in folder: FilePath) throws {
    let content = folder.appending(record.digest.hex)
    try removeFile(content)
    guard linked(file, content) else { return }
    try writeRecord(record, to: folder.appending("record.json"), .volatile)
    for name in try namesInFolder(folder).map(\.string) where Digest(hex: name) != nil {
      if name != record.digest.hex { try removeFile(folder.appending(name)) }
    }
  }

  private func linked(_ source: FilePath, _ target: FilePath) -> Bool {
    source.withPlatformString { source in
      target.withPlatformString { Glibc.link(source, $0) == 0 }
    }
  }
}

extension Downloads.Record {
  fileprivate func file(at path: FilePath) -> FetchedFile {
    FetchedFile(path: path, digest: digest, modified: modified, isKnown: true)
  }
}

/// Gives a file that is whole its name and its time.
private func settle(_ partial: FilePath, at path: FilePath, modified: Int64) throws {
  let time = timespec(tv_sec: Int(modified), tv_nsec: 0)
  let times = [time, time]
  let file = try Linux.Descriptor.open(partial, O_RDWR | O_NOFOLLOW)
  try checking("futimens", partial.string) { futimens(file.raw, times) }
  // Whoever finds it later by its record must find it whole, after a power loss too.
  try checking("fsync", partial.string) { fsync(file.raw) }
  try checking("rename", path.string) {
    partial.withPlatformString { from in path.withPlatformString { rename(from, $0) } }
  }
}

/// Notes that what lies there is of use now. Its age only decides what is taken away first.
func noteUse(_ folder: FilePath) {
  _ = folder.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
}

/// The content is not the one that was asked for.
package struct DownloadCheckFault: Diagnosable, Hashable {
  var shown: String
  var expected: Digest
  var found: Digest

  package var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "`\(printable(shown))` has the content `\(found)`, not `\(expected)`",
        hint: "nothing of it was used; change `--checksum` only if you trust what is there now")
    ]
  }
}
