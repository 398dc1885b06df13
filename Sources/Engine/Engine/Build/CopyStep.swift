// `COPY` and `ADD`: what they take, by a digest of its contents, and the layer that it makes.

import Blueprint
import Control
import Diagnostics
import Dockerfile
import Images
import Linux
import OCI
import Store
import SystemPackage

/// A `COPY` whose words are known.
struct CopyPlan: Sendable {
  var job: LayerJob
  /// What goes into the key beside the contents.
  var fixed: [String]
  var history: String
  /// Where the patterns of the first copy stand.
  var places: [SourceSpan]
  var destination: SourceSpan
  /// Absolute: the folder that is copied into.
  var target: String
  /// The owner is looked up in the image.
  var hasNamedOwner: Bool

  /// The word that the copier is not content with.
  func place(of failure: LayerFailure) -> SourceSpan? {
    if failure.isOfTarget { return destination }
    return failure.pattern.flatMap { places.indices.contains($0) ? places[$0] : nil }
  }
}

extension StageRun {
  func copy(
    _ copy: CopyInstruction, _ instruction: Instruction, _ title: String,
    _ state: inout StageState
  ) async throws {
    let known = state
    let plan = try await copyPlan(copy, instruction, known)
    let step = LayerStepText(
      title: copy.isAdd ? wordsWithoutSecrets(title) : title, history: plan.history)
    let session = builder.session
    try await layer(step, &state) {
      var key = StepKey(copy.isLink ? "linked" : "copied")
      // A linked layer does not look at what it is put on, but for names of owners and whether there is
      // anything, and links on the way, in whose place it puts folders.
      var isOfBase = !copy.isLink || plan.hasNamedOwner
      if !isOfBase { isOfBase = try await self.leadsThroughOther(plan.target, known.layers) }
      if isOfBase { key.add(known.key) }
      key.add(known.layers.isEmpty)
      key.add(plan.fixed)
      let digests = try await self.placing(in: copy.from?.text) {
        plan.place(of: $0) ?? instruction.span
      } _: {
        try await session.layerDigests(plan.job)
      }
      for digest in digests { key.add(digest.digest) }
      return key.finish()
    } _: { _, folder, below in
      try await self.placing(in: copy.from?.text) {
        plan.place(of: $0) ?? instruction.span
      } _: {
        try await self.copyLayer(plan.job, in: folder, on: below)
      }
    }
  }

  private func leadsThroughOther(_ path: String, _ layers: [StackedLayer]) async throws -> Bool {
    let images = builder.session.images
    return try await blocking { try images.leadsThroughOther(Array(path.utf8), on: layers) }
  }

  private func copyPlan(_ copy: CopyInstruction, _ instruction: Instruction, _ state: StageState)
    async throws -> CopyPlan
  {
    let words = try CopyWords(copy, state, job)
    let remote = try await remoteReferences(copy, words.sources)
    let local = words.sources.indices.filter { remote[$0] == nil }
    var fixed = words.fixed + [self.job.epochStamp ?? ""]
    var steps: [LayerCopy] = []
    if !local.isEmpty {
      var step = words.step(try await source(of: copy), local.map { words.sources[$0] })
      step.unpacks =
        copy.isAdd ? (copy.unpacks.map { $0 ? .always : .never } ?? .archives) : .never
      steps.append(step)
    }
    for (reference, word) in zip(remote, copy.sources) {
      guard let reference else { continue }
      let fetched = try await fetch(
        reference, copy, at: word.span, checksum: words.checksum, isFolder: words.isFolder)
      var step = words.step(fetched.source, [fetched.pattern])
      step.keepsParents = false
      step.unpacks = copy.unpacks == true ? .always : .never
      steps.append(step)
      fixed += fetched.fixed
    }
    if !copy.documents.isEmpty {
      steps.append(words.step(.files(try files(of: copy, state)), copy.documents.map(\.name)))
    }
    var job = LayerJob(
      action: .apply, lowers: lowers(state), upper: "", work: "",
      steps: steps.map { .copy($0) })
    job.latest = self.job.arguments.epoch
    return CopyPlan(
      job: job, fixed: fixed, history: words.history,
      places: steps.count == 1 ? local.map { copy.sources[$0].span } : [],
      destination: copy.destination.span, target: words.folder,
      hasNamedOwner: words.hasNamedOwner)
  }

  /// The here-documents of an instruction as files.
  private func files(of copy: CopyInstruction, _ state: StageState) throws -> [LayerFile] {
    try copy.documents.map { document in
      let content =
        document.expands
        ? try job.expansion.document(document) { state.variable($0) } : document.content
      return LayerFile(
        name: Bytes(document.name), content: Bytes(content), mode: 0o644,
        modified: job.arguments.epoch ?? Session.now().nanoseconds / 1_000_000_000)
    }
  }

  /// Where the patterns of an instruction are looked up.
  private func source(of copy: CopyInstruction) async throws -> LayerSource {
    guard let from = copy.from else { return job.contextSource }
    let origin = job.graph.origin(from.text, in: stage.index)
    if case .context(let name) = origin,
      let folder = try await job.source(ofContext: name, at: from.span)
    {
      return folder
    }
    return .layers(job.lowers(try await job.state(of: origin, at: from.span).layers))
  }
}

/// The words of a `COPY` with their variables replaced.
struct CopyWords {
  private let copy: CopyInstruction
  let sources: [String]
  /// Absolute; ends with a slash where a folder is meant.
  private let target: String
  private let written: [String]
  private let owner: String?
  private let mode: String?
  private let excludes: [String]
  let checksum: String?
  /// Whether the destination is written as a folder.
  let isFolder: Bool

  init(_ copy: CopyInstruction, _ state: StageState, _ job: BuildJob) throws {
    let expansion = job.expansion
    self.copy = copy
    sources = try copy.sources.map { try state.text($0, expansion) }
    owner = try copy.owner.map { try state.text($0, expansion) }
    mode = try copy.mode.map { try state.text($0, expansion) }
    excludes = try copy.excludes.map { try state.text($0, expansion) }
    checksum = try copy.checksum.map { try state.text($0, expansion) }
    if !copy.isAdd {
      for (text, word) in zip(sources, copy.sources) {
        guard let scheme = AddressParts(text)?.scheme.lowercased(),
          ["http", "https", "git", "ssh"].contains(scheme)
        else { continue }
        throw job.source.fault(
          "`COPY` fetches nothing: `\(withoutSecrets(text))` is an address", at: word.span,
          hint: "write `ADD`")
      }
    }
    var target = try state.text(copy.destination, expansion)
    written = sources + copy.documents.map(\.name) + [target]
    if target.isEmpty {
      throw job.source.fault("the destination is empty", at: copy.destination.span)
    }
    isFolder = target.hasSuffix("/") || target == "." || target.hasSuffix("/.")
    if !target.hasPrefix("/") {
      let folder = state.config.workingDirectory.isEmpty ? "/" : state.config.workingDirectory
      target = folder + "/" + target
    }
    target = cleaned(target)
    if isFolder, target != "/" { target += "/" }
    self.target = target
  }

  /// The folder that is copied into; that of a file whose name is given, where it may be one.
  var folder: String {
    isFolder ? target : String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
  }

  func step(_ source: LayerSource, _ patterns: [String]) -> LayerCopy {
    var step = LayerCopy(
      source: source, patterns: patterns.map { Bytes($0) }, target: Bytes(target))
    step.owner = owner
    step.mode = mode
    step.isLink = copy.isLink
    step.keepsParents = copy.keepsParents
    step.isOfSeveral = sources.count + copy.documents.count > 1
    step.excludes = excludes.map { Bytes($0) }
    return step
  }

  var hasNamedOwner: Bool {
    owner.map { !$0.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x3A } } ?? false
  }

  /// What goes into the key beside the contents.
  var fixed: [String] {
    [target, owner ?? "", mode ?? "", copy.isAdd ? "add" : "copy"]
      + [copy.keepsParents, copy.unpacks ?? copy.isAdd].map { $0 ? "1" : "0" } + excludes
  }

  var history: String {
    var text = copy.isAdd ? "ADD" : "COPY"
    if let from = copy.from { text += " --from=\(from.text)" }
    if let owner { text += " --chown=\(owner)" }
    if let mode { text += " --chmod=\(mode)" }
    if copy.isLink { text += " --link" }
    text += " " + written.joined(separator: " ") + " # buildkit"
    return copy.isAdd ? wordsWithoutSecrets(text) : text
  }
}

extension BuildJob {
  /// The build's context without what its ignore file leaves out.
  var contextSource: LayerSource {
    .folder(
      path: Bytes(source.context.string), ignored: source.ignored.map { Bytes($0) },
      digests: Bytes(digestFile(of: source.context).string))
  }

  /// Another folder of the host, with its own ignore file.
  func source(ofFolder folder: FilePath, _ place: SourcePlace) throws -> LayerSource {
    .folder(
      path: Bytes(folder.string), ignored: try ignoredLines(in: folder, place).map { Bytes($0) },
      digests: Bytes(digestFile(of: folder).string))
  }

  /// Where digests of the files of a folder are kept from one build to the next.
  func digestFile(of folder: FilePath) -> FilePath {
    let file = builder.layout.buildDigests.appending(Digest(of: Array(folder.string.utf8)).hex)
    noteUse(file)
    return file
  }
}
