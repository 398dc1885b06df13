// `cp`: which containers, and a `berth-shim cp` for each. Berth itself touches no file of a container.

import Archive
import Blueprint
import CLinux
import Compose
import Diagnostics
import Glibc
import Host
package import Linux
import Runtime
import Store
import SystemPackage

package struct CopyRequest: Sendable {
  package enum Direction: Sendable {
    case out
    case into
    /// All of the container's root as a tar stream.
    case whole
  }

  package var direction: Direction
  package var service: String
  package var containerPath: String
  /// Absolute, or `-` for a tar stream.
  package var hostPath: String
  /// 0 is every container of the service on the way in, and the first on the way out.
  package var index = 0
  package var includesOneOffs = false
  package var keepsOwners = false
  package var followsLinks = false
  /// Where a stream goes; nil is standard output.
  package var output: SharedDescriptor?

  package init(
    direction: Direction, service: String, containerPath: String, hostPath: String
  ) {
    self.direction = direction
    self.service = service
    self.containerPath = containerPath
    self.hostPath = hostPath
  }
}

extension Session {
  package func copy(_ request: CopyRequest) async throws {
    var records = try copied(request)
    var held: HeldProject?
    if records.contains(where: { !$0.isSupervised }) {
      // One that does not run must not begin to while its root is put together.
      held = try await lockProject("cp")
      records = try copied(request)
    }
    defer { held?.release() }
    if request.hostPath == "-", request.direction == .into, records.count > 1 {
      throw Faults([
        Diagnostic(
          "a tar stream goes to one container, and service `\(request.service)` has "
            + "\(records.count)", hint: "choose one with --index")
      ])
    }
    for record in records {
      let id = "Container \(record.name)"
      let isWhole = request.direction == .whole
      tell(.progress(ProgressEvent(id, isWhole ? "Exporting" : "Copying", .working)))
      let status = try await blocking { try self.copy(request, record) }
      guard status == 0 else {
        tell(.progress(ProgressEvent(id, "Error", .error)))
        throw CopyFailed()
      }
      note(isWhole ? "export" : "copy", record.blueprint)
      tell(.progress(ProgressEvent(id, isWhole ? "Exported" : "Copied", .done)))
    }
  }

  /// The whole of a container as a tar stream, to standard output or to a file that nobody else may read.
  /// The file is there under its name once it is whole.
  package func export(_ request: CopyRequest, to file: String?) async throws {
    guard let file else { return try await copy(request) }
    let path = FilePath(file)
    let aside = FilePath(file + ".\(randomID().prefix(8))")
    var request = request
    request.output = SharedDescriptor(
      try Descriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600))
    do {
      try await copy(request)
      try checking("rename", path.string) { rename(aside.string, path.string) }
    } catch {
      // Half of it is of no use to anyone.
      unlink(aside.string)
      throw error
    }
  }

  /// The containers that the request is about.
  private func copied(_ request: CopyRequest) throws -> [ContainerRecord] {
    let all = try containers.list(project: projectName).filter { $0.service == request.service }
    if all.isEmpty, let project = loaded?.project, project.service(request.service) == nil {
      throw NoSuchService(name: request.service, known: project.services.map(\.name))
    }
    let ranked = all.filter { request.includesOneOffs || !$0.isOneOff }.sorted {
      ($0.isOneOff ? 1 : 0, $0.number) < ($1.isOneOff ? 1 : 0, $1.number)
    }
    let chosen =
      request.index > 0
      ? ranked.filter { !$0.isOneOff && $0.number == request.index }
      : request.direction == .into ? ranked : Array(ranked.prefix(1))
    guard chosen.isEmpty else { return chosen }
    throw NoContainer(service: request.service, index: request.index)
  }

  /// Blocks until it is done; the exit status of the shim, which has said what went wrong.
  private func copy(_ request: CopyRequest, _ record: ContainerRecord) throws -> Int32 {
    var words = [
      "berth-shim", "cp", "--container", layout.container(record.id).string, "--run",
      layout.run.string, "--owner", "\(HostProfile.callerID):\(HostProfile.callerGroup)",
    ]
    if request.keepsOwners { words.append("--archive") }
    if request.followsLinks { words.append("--follow-link") }
    switch request.direction {
    case .out: words.append("--out")
    case .into: words.append("--into")
    case .whole: words.append("--whole")
    }
    words += ["--", request.containerPath, request.hostPath]
    let isInput = request.direction == .into && request.hostPath == "-"
    let program = try ShimProgram.open(host.shim)
    var descriptors: [(from: CInt, to: CInt)] = [(STDERR_FILENO, STDERR_FILENO)]
    if !isInput {
      descriptors.append((request.output?.raw ?? STDOUT_FILENO, STDOUT_FILENO))
      return try ended(spawn(program.path, words, descriptors: descriptors))
    }
    let pipe = try Descriptor.pipe()
    descriptors.append((pipe.reading.raw, STDIN_FILENO))
    let output = SharedDescriptor(try pipe.writing.duplicate())
    let pid = try spawn(program.path, words, descriptors: descriptors)
    _ = consume pipe
    var failure: (any Error)?
    do {
      try feed(output)
    } catch let error as SystemCallError where error.errno == .brokenPipe {
      // It has given up, and says why.
    } catch {
      failure = error
    }
    _ = consume output
    let status = try ended(pid)
    if let failure { throw failure }
    return status
  }

  /// Our input, unpacked if it is compressed: what enters a container's root decompresses nothing.
  private func feed(_ output: SharedDescriptor) throws {
    let decompressor = Decompressor()
    let input = try Descriptor.open("/dev/stdin", O_RDONLY)
    func emit(_ bytes: [UInt8]) throws {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = try retrying("write") {
          rest.withUnsafeBytes { write(output.raw, $0.baseAddress, $0.count) }
        }
        rest = rest.dropFirst(count)
      }
    }
    while true {
      let bytes = try input.read(upTo: 256 << 10)
      if bytes.isEmpty { break }
      try decompressor.feed(bytes, emit)
    }
    try decompressor.finish(emit)
  }

  private func ended(_ pid: pid_t) throws -> Int32 {
    var status: CInt = 0
    try retrying("waitpid") { waitpid(pid, &status, 0) }
    return berth_exited(status) != 0 ? berth_exit_status(status) : 128 + berth_term_signal(status)
  }
}

extension Session {
  /// A `berth-shim cp` that writes the container's writable layer as a tar stream.
  func startArchiver(_ record: ContainerRecord, output: borrowing Descriptor) throws
    -> pid_t
  {
    try startArchiver(
      of: layout.container(record.id), leavingOut: mounted(in: record.blueprint), output: output)
  }

  /// The same for a container whose folder is another one.
  func startArchiver(
    of folder: FilePath, leavingOut paths: [String], output: borrowing Descriptor
  ) throws -> pid_t {
    var words = [
      "berth-shim", "cp", "--container", folder.string, "--run", layout.run.string, "--layer",
    ]
    for path in paths { words += ["--leave-out", path] }
    words += ["--", "/", "-"]
    let program = try ShimProgram.open(host.shim)
    return try spawn(
      program.path, words,
      descriptors: [(output.raw, STDOUT_FILENO), (STDERR_FILENO, STDERR_FILENO)])
  }

  /// Where something lies over the container's own files.
  private func mounted(in blueprint: ContainerBlueprint) -> [String] {
    let own = ["/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]
    return own + blueprint.mounts.map(\.target.text) + blueprint.files.map(\.target.text)
  }
}

/// Its reason has been told by who copied.
struct CopyFailed: Diagnosable {
  var diagnostics: [Diagnostic] { [] }
}
