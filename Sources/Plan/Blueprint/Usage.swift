// What a container uses, and its processes, as values.

/// Since the container's start, but for memory and processes, which are those of now.
package struct ResourceUsage: Sendable, Hashable {
  package var cpuNanoseconds: UInt64 = 0
  /// Bytes, without what the kernel could drop at once.
  package var memory: UInt64 = 0
  /// Bytes: the container's limit, or the machine's memory.
  package var memoryLimit: UInt64 = 0
  package var processes: UInt64 = 0
  /// Bytes.
  package var received: UInt64 = 0
  package var sent: UInt64 = 0
  package var read: UInt64 = 0
  package var written: UInt64 = 0

  package init() {}
}

/// A process as ps(1) lists it on the host.
package struct ProcessRow: Sendable, Hashable {
  /// By the host's /etc/passwd, or the number.
  package var user: String
  package var pid: Int32
  package var parent: Int32
  /// The share of one processor over its life, in percent.
  package var share: Int
  package var startedAt: Timestamp
  /// `pts/0`, or `?`.
  package var terminal: String
  package var cpuSeconds: UInt64
  package var command: String

  package init(
    user: String, pid: Int32, parent: Int32, share: Int, startedAt: Timestamp, terminal: String,
    cpuSeconds: UInt64, command: String
  ) {
    self.user = user
    self.pid = pid
    self.parent = parent
    self.share = share
    self.startedAt = startedAt
    self.terminal = terminal
    self.cpuSeconds = cpuSeconds
    self.command = command
  }
}
