// `RUN`: a command in a container on the layers so far; what it changes is the next layer.

import Blueprint
import Compose
import Control
import Diagnostics
import Dockerfile
import Glibc
import Images
import Linux
import OCI
import SystemPackage

extension StageRun {
  func run(
    _ run: RunInstruction, _ instruction: Instruction, _ title: String, _ state: inout StageState
  ) async throws {
    let known = state
    try job.refuseUngranted([instruction])
    let command = commandLine(run, known)
    let arguments = known.arguments.map { "\($0.name)=\($0.value ?? "")" }
    let mounts = try await runMounts(run, known)
    let counted =
      arguments.isEmpty ? "" : "|\(arguments.count) \(arguments.joined(separator: " ")) "
    let step = LayerStepText(
      title: title, history: "RUN \(counted)\(command.joined(separator: " ")) # buildkit")
    var key = StepKey("run")
    key.add(known.key)
    key.add(command)
    key.add(run.documents.map(\.content))
    key.add(known.config.environment)
    key.add(arguments)
    key.add([
      known.config.workingDirectory, known.config.user, run.network.rawValue,
      job.definition.network ?? "", run.isInsecure ? "insecure" : "",
      job.arguments.value(of: "BUILDKIT_SANDBOX_HOSTNAME") ?? "",
    ])
    key.add(job.definition.extraHosts.flatMap { [$0.key, $0.value] })
    key.add(job.definition.ulimits.map { "\($0.name)=\($0.soft):\($0.hard)" })
    key.add(job.definition.shmSize.map { "\($0.bytes)" })
    key.add("\(known.platform)")
    let fixed = key
    try await layer(step, &state) {
      // Looked at again when it is done: what is mounted from a folder may have changed meanwhile.
      var key = fixed
      key.add(try await self.key(of: mounts))
      return key.finish()
    } _: { reporter, folder, below in
      try await self.execute(
        run, instruction, command, known, mounts, in: folder, on: below, reporter)
    }
  }

  private func execute(
    _ run: RunInstruction, _ instruction: Instruction, _ command: [String], _ state: StageState,
    _ mounts: RunMounts, in folder: FilePath, on below: [StackedLayer], _ reporter: BuildReporter
  ) async throws -> StackedLayer {
    guard !state.layers.isEmpty || !mounts.items.isEmpty else {
      throw job.source.fault(
        "there is nothing to run in an image without files", at: instruction.span,
        hint: "begin the stage with an image, or copy or mount a program first")
    }
    try await job.lookForSources()
    var environment = StepEnvironment(
      root: try root(state, in: folder), arguments: command, environment: self.environment(state),
      workingDirectory: state.config.workingDirectory.isEmpty ? "/" : state.config.workingDirectory,
      user: state.config.user)
    if let name = job.arguments.value(of: "BUILDKIT_SANDBOX_HOSTNAME") {
      environment.hostname = name
    }
    try network(run, &environment)
    environment.extraHosts = job.definition.extraHosts.map { ($0.key, $0.value) }
    environment.isInsecure = run.isInsecure
    environment.sharedMemory = job.definition.shmSize.flatMap { UInt64(exactly: $0.bytes) }
    environment.limits = job.definition.ulimits.map {
      ProcessLimit(name: $0.name, soft: Int64($0.soft), hard: Int64($0.hard))
    }
    let prepared = try await prepare(mounts, for: instruction)
    environment.mounts = prepared.mounts
    environment.files = prepared.files
    environment.handed = prepared.handed
    for (name, value) in prepared.variables {
      environment.environment.removeAll { $0.hasPrefix(name + "=") }
      environment.secretVariables.append(Bytes(Array((name + "=").utf8) + value))
    }
    if let script = run.script { environment.mounts.append(try mount(script, in: folder)) }
    let code: Int32
    do {
      code = try await prepared.holding { [environment] in
        try await builder.run(environment, in: folder, reporter)
      }
    } catch let failure as ShimFailure {
      throw job.source.fault(
        "process \"\(command.joined(separator: " "))\" could not be started: \(failure.message)",
        at: instruction.span,
        hint: failure.exitCode == 127 ? "it is not in the image, or not in its PATH" : nil)
    }
    guard code == 0 else { throw failure(command, code, instruction) }
    return try await seal(folder, on: below)
  }

  /// The layers so far, or an empty folder where there are none.
  private func root(_ state: StageState, in folder: FilePath) throws -> [Bytes] {
    if !state.layers.isEmpty { return lowers(state) }
    let empty = folder.appending("nothing")
    try makeFolders(empty, mode: 0o755)
    return [Bytes(empty.string)]
  }

  /// What the command has changed as a layer.
  private func seal(_ folder: FilePath, on below: [StackedLayer]) async throws -> StackedLayer {
    let session = builder.session
    return try await seal(folder, on: below) { output in
      let archiver = ChildProcess(
        try session.startArchiver(of: folder, leavingOut: [], output: output))
      return StreamSource(cancel: { archiver.kill() }) {
        guard try archiver.status() == 0 else { throw CopyFailed() }
      }
    }
  }

  private func failure(_ command: [String], _ code: Int32, _ instruction: Instruction) -> Faults {
    let hint =
      code == 127
      ? "a program is not in the image, or not in its PATH"
      : code == 137 ? "it was killed: by want of memory, or by somebody" : nil
    return job.source.fault(
      "process \"\(command.joined(separator: " "))\" did not complete successfully: exit code: \(code)",
      at: instruction.span, hint: hint)
  }

  /// The shell form goes to the stage's shell, its here-documents with it.
  private func commandLine(_ run: RunInstruction, _ state: StageState) -> [String] {
    switch run.command {
    case .exec(let words): return words
    case .shell(let text):
      if let script = run.script { return ["/dev/pipes/" + script.name] }
      return state.config.shell + [run.shellText ?? text]
    }
  }

  /// A here-document that is a program of its own.
  private func mount(_ script: HereDocument, in folder: FilePath) throws -> MountStep {
    let file = folder.appending("script")
    let written = try Descriptor.open(file, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
    try written.writeAll(Array(script.content.utf8))
    try checking("fchmod", file.string) { [raw = written.raw] in fchmod(raw, 0o755) }
    return .bind(
      source: Bytes(file.string), target: Bytes("/dev/pipes/" + script.name), readOnly: true,
      createSource: false, propagation: nil)
  }

  /// All that the command sees: nothing of ours.
  private func environment(_ state: StageState) -> [String] {
    var entries = state.config.environment
    if state.config.variable("PATH") == nil { entries.insert(standardPath, at: 0) }
    let proxies = job.arguments.proxies.filter { state.config.variable($0.name) == nil }
    for argument in proxies + state.arguments {
      let name = Array((argument.name + "=").utf8)
      entries.removeAll { $0.utf8.starts(with: name) }
      entries.append("\(argument.name)=\(argument.value ?? "")")
    }
    return entries
  }

  private func network(_ run: RunInstruction, _ environment: inout StepEnvironment) throws {
    let wanted =
      run.network == .standard ? job.definition.network ?? "default" : run.network.rawValue
    switch wanted {
    case "default", "bridge", "": environment.network = .bridge
    case "none": environment.network = .none
    case "host": environment.network = .host
    default: environment.networkName = wanted
    }
  }
}
extension RunInstruction {
  /// The here-document that is the whole command and names its own interpreter.
  var script: HereDocument? { loneDocument.flatMap { $0.content.hasPrefix("#!") ? $0 : nil } }
}
