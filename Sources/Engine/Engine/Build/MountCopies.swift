// Copies of folders that several steps of a command mount, each made once.

import Linux
import Synchronization
import SystemPackage

final class MountCopies: Sendable {
  private let flights = Flights<String>()
  private let folders = Mutex<[String: FilePath]>([:])

  /// Has `work` done alone among those with this digest of contents.
  func alone(
    _ digest: String, _ work: @Sendable (MountCopies) async throws -> FilePath
  ) async throws -> FilePath {
    try await flights.alone(digest) { try await work(self) }
  }

  func known(_ digest: String) -> FilePath? { folders.withLock { $0[digest] } }

  func note(_ folder: FilePath, as digest: String) { folders.withLock { $0[digest] = folder } }
}
