// Brings what a pull wrote to the disk while it is still writing, so that little is left to wait for
// when a layer is whole; and lets layers that end together share one wait.

import CLinux
import Glibc
import Linux
import Synchronization
import SystemPackage

actor Flusher {
  private static let earlyBytes: Int64 = 8 << 20
  private static let interval = Duration.milliseconds(50)

  private let folder: FilePath
  private let written = Atomic<Int64>(0)
  private var flushed: Int64 = 0
  private var started = 0
  private var completed = 0
  private var isRunning = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ folder: FilePath) { self.folder = folder }

  /// Notes that so many bytes more are on their way to the disk.
  nonisolated func note(_ bytes: Int64) { written.add(bytes, ordering: .relaxed) }

  /// Returns when all that was written before the call is on the disk. One syncfs(2) for all files of
  /// all layers instead of an fsync for each.
  func flush() async throws {
    let needed = started + 1
    while completed < needed {
      if isRunning {
        await withCheckedContinuation { waiting.append($0) }
      } else {
        try await run()
      }
    }
  }

  private func run() async throws {
    isRunning = true
    started += 1
    let round = started
    defer {
      isRunning = false
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    flushed = written.load(ordering: .relaxed)
    let folder = folder
    try await blocking {
      let descriptor = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
      try checking("syncfs", folder.string) { berth_syncfs(descriptor.raw) }
    }
    completed = round
  }

  /// Flushes whenever enough was written, until the task is cancelled. Without it the kernel holds
  /// all back and one wait at the end takes several times as long.
  func flushEarly() async {
    while !Task.isCancelled {
      if written.load(ordering: .relaxed) - flushed >= Self.earlyBytes {
        // Only to be early: the flush before a layer is published reports what is wrong.
        try? await flush()
      }
      // A cancelled sleep ends the loop.
      try? await Task.sleep(for: Self.interval)
    }
  }
}
