// Private keys for a build: an agent that holds them as long as the build runs. What a step gets is the
// agent's socket, never a key.

import CLinux
import Control
import Diagnostics
import Glibc
import Linux
import Synchronization
import SystemPackage

final class KeyAgent: Sendable {
  /// How long the agent may take to be there.
  private static let wait = (rounds: 200, microseconds: UInt32(10_000))

  let socket: FilePath
  private let keeper: ChildProcess
  /// The agent ends when this is closed, be it by the end of this process.
  private let hold = Mutex<SharedDescriptor?>(nil)

  /// Starts it and gives it the keys. Blocks.
  ///
  /// - Parameters:
  ///   - keys: paths of files; one that needs a passphrase is refused, for nobody can be asked.
  ///   - path: where programs are looked for, as `PATH` has it.
  init(_ keys: [String], socket: FilePath, path: String) throws {
    self.socket = socket
    let agent = try program("ssh-agent", path)
    let adder = try program("ssh-add", path)
    let reading = try hold.withLock { hold in
      let pipe = try Descriptor.pipe()
      // Nothing else keeps it open.
      hold = SharedDescriptor(try pipe.writing.duplicate())
      return SharedDescriptor(try pipe.reading.duplicate())
    }
    // The shell lives until the pipe ends, and the agent no longer than the shell.
    let script = "\"$0\" -D -a \"$1\" >/dev/null 2>&1 & cat >/dev/null; kill $!; wait"
    keeper = ChildProcess(
      try spawn(
        "/bin/sh", ["sh", "-c", script, agent.string, socket.string],
        environment: ["PATH=/usr/local/bin:/usr/bin:/bin"],
        descriptors: [(reading.raw, STDIN_FILENO)]))
    do {
      try waitForSocket()
      for key in keys { try add(key, by: adder) }
    } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  /// Ends it. Blocks for as long as that takes.
  func close() {
    let held = hold.withLock { hold in
      defer { hold = nil }
      return hold
    }
    guard held != nil else { return }
    _ = consume held
    // It has nothing to say.
    _ = try? keeper.status()
    unlink(socket.string)
  }

  private func waitForSocket() throws {
    for _ in 0..<Self.wait.rounds {
      // It is bound before it listens.
      if (try? Descriptor.connectStream(to: socket)) != nil { return }
      usleep(Self.wait.microseconds)
    }
    throw Faults([Diagnostic("ssh-agent does not start")])
  }

  private func add(_ key: String, by program: FilePath) throws {
    let error = try Descriptor.pipe()
    let child = ChildProcess(
      try spawn(
        program, ["ssh-add", "-q", "--", key],
        environment: [
          "SSH_AUTH_SOCK=\(socket)", "SSH_ASKPASS=/bin/false", "SSH_ASKPASS_REQUIRE=force",
          "HOME=/nonexistent", "PATH=/usr/local/bin:/usr/bin:/bin",
        ], descriptors: [(error.writing.raw, STDERR_FILENO)]))
    let reading = try error.reading.duplicate()
    _ = consume error
    let text = String(decoding: try reading.readAll(limit: 64 << 10), as: UTF8.self)
    guard try child.status() == 0 else {
      let lines = text.split(separator: "\n").map(String.init)
      throw Faults([
        Diagnostic(
          "the ssh key `\(key)` cannot be used", causes: lines.last.map { [$0] } ?? [],
          hint: "a key with a passphrase must be in an agent: ssh-add it, and write `default` alone"
        )
      ])
    }
  }
}

private func program(_ name: String, _ path: String) throws -> FilePath {
  guard let found = findProgram(name, path: path) else {
    throw Faults([
      Diagnostic(
        "there is no `\(name)` to hold ssh keys", hint: "install the package `openssh-client`")
    ])
  }
  return found
}
