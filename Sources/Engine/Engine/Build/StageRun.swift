// One stage from its `FROM` to its last instruction.

import Blueprint
import Compose
import Control
import Diagnostics
import Dockerfile
import Images
import JSON
import Linux
import OCI
import SystemPackage

/// Bytes of all variables and labels together; a config of an image may not be larger either.
private let environmentLimit = 4 << 20

struct StageRun: Sendable {
  let job: BuildJob
  let stage: Stage
  let base: BuildOrigin
  /// Of steps that are shown, `FROM` among them.
  private var total: Int
  private let label: String

  init(_ job: BuildJob, _ stage: Stage, base: BuildOrigin) {
    self.job = job
    self.stage = stage
    self.base = base
    let shown = stage.instructions.count(where: \.isShown)
    total = shown + (Self.isShown(base) ? 1 : 0)
    let name = stage.name ?? (job.stageCount > 1 ? "stage-\(stage.index)" : "")
    label = name.isEmpty ? "" : name + " "
  }

  /// A stage that goes on in this one has steps of its own.
  private static func isShown(_ base: BuildOrigin) -> Bool {
    switch base {
    case .scratch, .stage: false
    case .image, .context: true
    }
  }

  var builder: Builder { job.builder }
  var usesCache: Bool {
    job.usesCache && !job.uncachedStages.contains(stage.name ?? "\(stage.index)")
  }

  /// `[web builder 2/4] RUN make`.
  private func title(_ number: Int, _ text: String) -> String {
    "[\(job.label)\(label)\(number)/\(total)] \(text)"
  }

  func run() async throws -> StageState {
    var number = 0
    var state: StageState
    if Self.isShown(base) {
      number = 1
      let title = title(1, "FROM \(job.baseTexts[stage.index] ?? stage.base.text)")
      state = try await builder.step(title) { _ in (try await job.base(base, of: stage), true) }
    } else {
      state = try await job.base(base, of: stage)
    }
    // Arguments are of one stage, but those of a stage that goes on in this one are inherited.
    if case .stage = base {} else { state.arguments = [] }
    state.config.beginStage()
    var instructions: [(Instruction, SourceSpan)] = []
    for text in state.config.takeTriggers() {
      let trigger = try parseTrigger(text, image: stage.base.text)
      instructions.append((trigger, stage.span))
    }
    var counted = self
    counted.total += instructions.count(where: \.0.isShown)
    instructions += stage.instructions.map { ($0, $0.span) }
    for (instruction, span) in instructions {
      try Task.checkCancellation()
      if instruction.isShown { number += 1 }
      do {
        try await apply(instruction, counted.title(number, instruction.text), &state)
      } catch let fault as any Diagnosable {
        throw Faults(fault.diagnostics).placed(at: span, in: job.source)
      }
    }
    return state
  }

  private func apply(_ instruction: Instruction, _ title: String, _ state: inout StageState)
    async throws
  {
    switch instruction.kind {
    case .run(let run): try await self.run(run, instruction, title, &state)
    case .copy(let copy): try await self.copy(copy, instruction, title, &state)
    case .workingDirectory:
      try change(instruction, &state)
      if state.config.workingDirectory == "/" {
        // It is there.
        state.note("WORKDIR /", created: job.epochStamp, isEmpty: true)
      } else {
        try await makeFolder(title, &state)
      }
    case .argument(let declarations):
      for declaration in declarations { try declare(declaration, &state) }
      state.note(instruction.text, created: job.epochStamp, isEmpty: true)
    case .maintainer(let name):
      state.author = name
      state.note(instruction.text, created: job.epochStamp, isEmpty: true)
    default:
      try change(instruction, &state)
    }
  }

  /// An instruction that changes the config alone.
  private func change(_ instruction: Instruction, _ state: inout StageState) throws {
    // What comes of it is known before anything is changed: so that nothing has to be copied.
    let change = try state.config.change(of: instruction) { word in
      try state.text(word, job.expansion)
    } _: { list in
      try list.flatMap { try state.words($0, job.expansion) }
    }
    let text = try instruction.history(state, job.expansion)
    state.config.apply(change)
    if case .variables(let pairs) = change, !state.arguments.isEmpty {
      // The later of the two counts, as with BuildKit.
      let names = Set(pairs.map(\.0))
      state.arguments.removeAll { names.contains($0.name) }
    }
    // Values that are made of each other grow with each line.
    let size =
      state.config.size + state.arguments.reduce(0) { $0 + ($1.value?.utf8.count ?? 0) }
    guard size <= environmentLimit else {
      throw job.source.fault(
        "the image's environment and labels are larger than \(environmentLimit >> 20) MiB",
        at: instruction.span)
    }
    if case .workingDirectory = instruction.kind { return }
    state.note(text, created: job.epochStamp, isEmpty: true)
  }

  private func declare(_ declaration: ArgumentDeclaration, _ state: inout StageState) throws {
    let name = declaration.name
    var value = job.arguments.value(of: name)
    if value == nil {
      if let word = declaration.value {
        value = try state.text(word, job.expansion)
      } else {
        value = job.globals.last { $0.name == name }?.value
      }
    }
    job.arguments.noteUse(of: name)
    // What it has stays, as with BuildKit, where nothing gives it another.
    guard let value else { return }
    state.arguments.removeAll { $0.name == name }
    state.arguments.append(BuildArgument(name: name, value: value))
    guard state.arguments.reduce(0, { $0 + ($1.value?.utf8.count ?? 0) }) <= environmentLimit else {
      throw job.source.fault(
        "the arguments together are larger than \(environmentLimit >> 20) MiB",
        at: declaration.span)
    }
  }

  /// `WORKDIR` makes the folder that it names.
  private func makeFolder(_ title: String, _ state: inout StageState) async throws {
    let path = state.config.workingDirectory
    let user = state.config.user
    let text = "WORKDIR \(path)"
    var key = StepKey("folder")
    key.add(state.key)
    key.add([path, user, job.epochStamp ?? ""])
    let step = LayerStepText(title: title, history: text)
    var copy = LayerJob(
      action: .apply, lowers: lowers(state), upper: "", work: "",
      steps: [.folder(path: Bytes(path), user: user)])
    copy.latest = job.arguments.epoch
    try await layer(step, key: key.finish(), &state) { [copy] _, folder, below in
      try await self.copyLayer(copy, in: folder, on: below)
    }
  }

  func lowers(_ state: StageState) -> [Bytes] { job.lowers(state.layers) }
}

/// What is said of a step that makes a layer.
struct LayerStepText: Sendable {
  var title: String
  /// In the image's history.
  var history: String
}

extension StageRun {
  typealias LayerWork =
    @Sendable (BuildReporter, FilePath, [StackedLayer]) async throws -> StackedLayer

  /// A step whose key is known before it begins.
  func layer(
    _ step: LayerStepText, key: Digest, _ state: inout StageState, _ work: @escaping LayerWork
  ) async throws {
    try await layer(step, &state, { key }, work)
  }

  /// Finds the layer that an instruction has made before, or makes it.
  func layer(
    _ step: LayerStepText, _ state: inout StageState,
    _ key: @escaping @Sendable () async throws -> Digest, _ work: @escaping LayerWork
  ) async throws {
    let below = state.layers
    let made = try await builder.step(step.title) { reporter in
      let wanted = try await key()
      if let known = try await known(wanted, on: below) { return (known, true) }
      return try await builder.store.alone(wanted) {
        // Another build may have made it meanwhile.
        if let known = try await known(wanted, on: below) { return (known, true) }
        if let brought = try await bring(wanted, on: below) { return (brought, true) }
        var made = try await make(step, on: below, reporter, work)
        // What was taken may have been changed between the look and the taking.
        if try await key() == wanted {
          made.key = wanted
          try await keep(made, step, as: wanted)
        }
        return (made, false)
      }
    }
    if let key = made.key {
      job.shared.note(
        KeyedStep(
          key: key, step: BuildStep(title: step.title, created: made.created, layer: made.layer)))
    }
    state.layers.append(made.layer)
    // What is in the files counts, not how it came there.
    state.key = made.layer.chain
    state.note(step.history, created: job.epochStamp ?? made.created, isEmpty: false)
  }

  struct Made: Sendable {
    /// Nil where nobody shall find it: it is not what was looked at.
    var key: Digest?
    var layer: StackedLayer
    var created: String
  }

  private func known(_ key: Digest, on below: [StackedLayer]) async throws -> Made? {
    guard usesCache,
      let found = try await blocking({ [store = builder.store] in try store.find(key) })
    else { return nil }
    return Made(
      key: key, layer: try await builder.store.stack(found.layer, on: below), created: found.created
    )
  }

  /// What one of the caches elsewhere has; nil where none has it, or it is not to be had after all.
  private func bring(_ key: Digest, on below: [StackedLayer]) async throws -> Made? {
    guard usesCache, let foreign = await job.shared.step(key) else { return nil }
    let store = builder.store
    do {
      let layer = try await store.bring(foreign, on: below)
      let made = Made(key: key, layer: layer, created: foreign.created)
      builder.noteMade()
      try await blocking {
        let step = BuildStep(title: foreign.title, created: made.created, layer: layer)
        try store.keep(step, as: key)
      }
      return made
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      builder.session.warn(
        Failure("a cached step cannot be had, and is made anew: \(foreign.title)", error))
      return nil
    }
  }

  private func make(
    _ step: LayerStepText, on below: [StackedLayer], _ reporter: BuildReporter, _ work: LayerWork
  ) async throws -> Made {
    let store = builder.store
    let folder = try await blocking { try store.newFolder() }
    let layer = try await work(reporter, folder, below)
    let made = Made(key: nil, layer: layer, created: builder.stamp())
    builder.noteMade()
    // What is left of it is not a part of the layer.
    try await blocking { try removeTree(folder) }
    return made
  }

  /// Lets the next build find it.
  private func keep(_ made: Made, _ step: LayerStepText, as key: Digest) async throws {
    let store = builder.store
    try await blocking {
      try store.keep(
        BuildStep(title: step.title, created: made.created, layer: made.layer), as: key)
    }
  }

  /// Runs a job of copying in `folder`; the layer that it makes.
  func copyLayer(_ job: LayerJob, in folder: FilePath, on below: [StackedLayer]) async throws
    -> StackedLayer
  {
    var job = job
    job.upper = Bytes(folder.appending("upper").string)
    job.work = Bytes(folder.appending("work").string)
    let host = builder.session.host
    return try await seal(folder, on: below) { [job] output in
      let process = try LayerProcess(job, output: output, host)
      return StreamSource(cancel: { process.cancel() }) { try process.finish() }
    }
  }

  /// Makes a layer of what a process writes of `folder`.
  /// - Parameter start: starts the process, whose output goes to the descriptor. Called on a thread that
  ///   may block.
  func seal(
    _ folder: FilePath, on below: [StackedLayer],
    _ start: @escaping @Sendable (borrowing Descriptor) throws -> StreamSource
  ) async throws -> StackedLayer {
    let (stream, source) = try await blocking {
      let pipe = try Descriptor.pipe()
      let source = try start(pipe.writing)
      return (SharedDescriptor(try pipe.reading.duplicate()), source)
    }
    return try await withTaskCancellationHandler {
      try await builder.store.seal(stream, of: folder, on: below, checking: source.finish)
    } onCancel: {
      source.cancel()
    }
  }

  /// Lets what the copier says point at the word that it is about, and name where it has looked.
  /// - Parameter from: what was copied from, as it is written; nil is the context.
  func placing<Value>(
    in from: String?, _ place: (LayerFailure) -> SourceSpan, _ work: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await work()
    } catch let failure as LayerFailure {
      throw job.fault(failure, in: from, at: place(failure))
    }
  }
}

/// A process that writes a layer as a stream.
struct StreamSource: Sendable {
  /// Ends it.
  var cancel: @Sendable () -> Void
  /// Waits for its end; throws where what it has written is not all. Blocks.
  var finish: @Sendable () throws -> Void

  init(cancel: @escaping @Sendable () -> Void, finish: @escaping @Sendable () throws -> Void) {
    self.cancel = cancel
    self.finish = finish
  }
}

extension Instruction {
  /// Whether it is a step of its own to people.
  var isShown: Bool {
    switch kind {
    case .run, .copy, .workingDirectory: true
    default: false
    }
  }
}

extension Faults {
  /// With a place in the Dockerfile and its line, where they have none.
  func placed(at span: SourceSpan, in source: BuildSource) -> Faults {
    Faults(
      diagnostics.map { diagnostic in
        // One that stands in a trigger, or is placed already, has more to say of where than we do.
        let isElsewhere = diagnostic.span.map { $0.file != source.dockerfile.name } ?? false
        guard diagnostic.excerpt == nil, !isElsewhere else { return diagnostic }
        var placed = source.diagnostic(
          diagnostic.summary, causes: diagnostic.causes, at: diagnostic.span ?? span,
          hint: diagnostic.hint)
        placed.code = diagnostic.code
        return placed
      })
  }
}
