// Whether who has asked for the work is still there: a builder that was killed must not leave a process behind
// that goes on until the disk is full.

import Control
import Glibc

/// Looked for now and then while much is read or written.
struct Requester {
  private static let pace = 32 << 20
  /// What an entry of a folder counts as, in bytes: it takes as long.
  static let entry = 16 << 10

  private var left = 0

  /// Throws when nobody is there to hear of a failure any more.
  /// - Parameter bytes: how much has been done since the last call.
  mutating func look(after bytes: Int) throws(LayerFailure) {
    left -= bytes
    guard left <= 0 else { return }
    left = Self.pace
    var errors = pollfd(fd: STDERR_FILENO, events: 0, revents: 0)
    // A pipe that nobody reads is in error; all else is fine.
    if poll(&errors, 1, 0) > 0, errors.revents & Int16(POLLERR) != 0 {
      throw LayerFailure("who asked for it has gone")
    }
  }
}
