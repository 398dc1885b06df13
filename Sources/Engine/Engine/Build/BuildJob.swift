// The build of one service: its stages, its arguments, and what their names stand for.

import Blueprint
import Compose
import Diagnostics
import Dockerfile
import Images
import Linux
import OCI
import Synchronization
import SystemPackage

final class BuildJob: Sendable {
  let builder: Builder
  let service: Service
  let definition: BuildDefinition
  let source: BuildSource
  let graph: BuildGraph
  let arguments: BuildArguments
  let expansion: Expansion
  /// Values of the arguments before the first `FROM`, and of those that tell platforms.
  let globals: [BuildArgument]
  /// What `FROM` names in each stage, variables replaced.
  let baseTexts: [Int: String]
  /// `web `, or nothing where one service alone is built.
  let label: String
  /// Arguments that were typed, by name.
  let typed: Set<String>
  let usesCache: Bool
  let pulls: Bool
  let ssh: [SSHSource]
  let uncachedStages: Set<String>
  /// The time that was asked for in place of the real one.
  let epochStamp: String?
  /// Its steps, and those that caches elsewhere have.
  let shared = SharedCache()
  private let board = BuildBoard<Int, StageState>()
  /// Stages that somebody builds or has built.
  let begun = Mutex<Set<Int>>([])
  /// Whether what is copied from the context was looked for.
  let isSearched = Mutex(false)
  let search = Flights<Bool>()
  private let images = Memo<String, StageState>()
  /// The machine that the image is for: one whose programs run here.
  let platform: Platform
  /// Images of other services that this one builds on, by the names of its contexts.
  let services: [String: StageState]

  init(
    _ builder: Builder, _ service: Service, _ definition: BuildDefinition, _ request: BuildRequest,
    source: BuildSource, label: String, services: [String: StageState]
  ) throws {
    self.builder = builder
    self.service = service
    self.definition = definition
    self.source = source
    self.label = label
    self.services = services
    typed = Set(request.arguments.map { String($0.prefix { $0 != "=" }) })
    usesCache = request.usesCache && definition.usesCache
    pulls = request.pulls || definition.pulls
    ssh = builder.session.sshSources(of: definition, request)
    uncachedStages = Set(definition.uncachedStages.map { $0.lowercased() })
    expansion = Expansion(escape: source.dockerfile.directives.escape)
    let arguments = BuildArguments(
      builder.session.buildArguments(of: service, request, proxies: builder.proxies))
    self.arguments = arguments
    epochStamp = try arguments.epochStamp()
    platform = try builder.session.buildPlatform(of: service, request) ?? .host
    graph = try BuildGraph(
      source.dockerfile, contexts: definition.additionalContexts.map(\.name),
      target: definition.target, at: definition.place(of: "target"))
    var globals = BuildArgument.platforms(
      target: platform, stage: source.dockerfile.stages[graph.target].name)
    for declaration in source.dockerfile.globalArguments {
      var value = arguments.value(of: declaration.name)
      if value == nil, let word = declaration.value {
        value = try expansion.text(word) { name in globals.last { $0.name == name }?.value }
      }
      arguments.noteUse(of: declaration.name)
      if value == nil, globals.contains(where: { $0.name == declaration.name }) { continue }
      globals.append(BuildArgument(name: declaration.name, value: value))
    }
    let known = globals
    self.globals = globals
    var texts: [Int: String] = [:]
    for stage in source.dockerfile.stages {
      texts[stage.index] = try expansion.text(stage.base) { name in
        known.last { $0.name == name }?.value
      }
    }
    baseTexts = texts
  }

  var stageCount: Int { source.dockerfile.stages.count }

  /// Builds what the target needs, side by side; the target as an image.
  func build() async throws -> StageState {
    let bases = try neededStages()
    try check(bases.keys.sorted())
    let target = source.dockerfile.stages[graph.target]
    let wanted = try platform(of: target)
    guard wanted.isNative else {
      throw source.fault(
        "the image would be for \(wanted), and this machine is \(Platform.host)",
        at: target.platform?.span ?? target.span, hint: "leave `--platform` out, or build it there")
    }
    begun.withLock { $0.formUnion(bases.keys) }
    let caches = try await cachesToRead()
    // Beside the steps: only one that is not known here waits for it.
    async let _: Void = read(caches)
    let runs = bases.sorted { $0.key < $1.key }.map { index, base in
      StageRun(self, source.dockerfile.stages[index], base: base)
    }
    try await sideBySide(runs) { run in
      await self.board.doing(run.stage.index) { try await run.run() }
    }
    return try await board.value(of: graph.target)
  }

  /// Stages that the target stands on, each with what it begins with.
  private func neededStages() throws -> [Int: BuildOrigin] {
    var needed: [Int: BuildOrigin] = [:]
    var waiting = [graph.target]
    while let index = waiting.popLast() {
      if needed[index] != nil { continue }
      let base = try base(of: source.dockerfile.stages[index])
      needed[index] = base
      waiting += graph.needs(of: index, base: base)
    }
    return needed
  }

  private func base(of stage: Stage) throws -> BuildOrigin {
    let text = baseTexts[stage.index] ?? ""
    guard !text.isEmpty else {
      throw source.fault(
        "base name (`\(stage.base.text)`) should not be blank", at: stage.base.span,
        hint: "give its ARG a value before the first FROM, or with --build-arg")
    }
    return graph.base(text, of: stage.index)
  }

  /// The folders of layers as an overlay takes them, lowest first.
  func lowers(_ layers: [StackedLayer]) -> [Bytes] {
    layers.map { Bytes(builder.session.images.folder(of: $0).string) }
  }

  /// The machine that a stage's base is for. Variables are those of global arguments.
  private func platform(of stage: Stage) throws -> Platform {
    guard let word = stage.platform else { return platform }
    let text = try expansion.text(word) { name in globals.last { $0.name == name }?.value }
    if text.isEmpty { return platform }
    let wanted: Platform
    do throws(ImageFault) { wanted = try Platform(parsing: text) } catch {
      throw source.fault("`\(text)` is no platform", at: word.span, hint: "write linux/amd64")
    }
    // Its files can be copied from; its programs do not run here.
    let run = stage.instructions.first { if case .run = $0.kind { true } else { false } }
    if let run, !wanted.isNative {
      throw source.fault(
        "the stage is for \(wanted), and this machine is \(Platform.host): its programs do not run here",
        at: run.span, hint: "leave `--platform` out, or build it there")
    }
    return wanted
  }

  /// What a stage begins with.
  func base(_ origin: BuildOrigin, of stage: Stage) async throws -> StageState {
    let platform = try platform(of: stage)
    if origin == .scratch { return StageState(scratch: platform) }
    return try await state(of: origin, at: stage.base.span, for: platform)
  }

  /// The files that a name stands for. Waits for stages; fetches images.
  /// - Parameter wanted: the machine that an image is for; nil is that of the build.
  func state(of origin: BuildOrigin, at span: SourceSpan, for wanted: Platform? = nil) async throws
    -> StageState
  {
    let platform = wanted ?? platform
    switch origin {
    case .scratch: return StageState(scratch: platform)
    case .stage(let index):
      // Nobody knew that it would be needed: a trigger of an image asks for it.
      if begun.withLock({ $0.insert(index).inserted }) {
        let stage = source.dockerfile.stages[index]
        // It is nobody's piece but that of who asks: its failure is told here.
        let failure = await board.doing(index) {
          try check([index])
          return try await StageRun(self, stage, base: try base(of: stage)).run()
        }
        if let failure { throw failure }
      }
      return try await board.value(of: index)
    case .image(let name): return try await image(name, platform, at: span)
    case .context(let name):
      if let state = services[name] { return state }
      let context = definition.additionalContexts.last { $0.name == name }?.context
      switch context {
      case .image("scratch"): return StageState(scratch: platform)
      case .image(let image): return try await self.image(image, platform, at: span)
      case .layout(let folder, let tag, let digest):
        return try await layout(folder, tag, digest, platform, at: span)
      default: break
      }
      throw source.fault(
        "the context `\(name)` is no image, and `FROM` needs one", at: span,
        hint: "it is `\(context?.text ?? "")`: write `docker-image://NAME` or `service:NAME` there")
    }
  }

  private func image(_ name: String, _ platform: Platform, at span: SourceSpan) async throws
    -> StageState
  {
    try await image(called: name, platform, at: span) {
      try await builder.image(name, platform, pulls: pulls)
    }
  }

  private func layout(
    _ folder: String, _ tag: String?, _ digest: String?, _ platform: Platform, at span: SourceSpan
  ) async throws -> StageState {
    let name = BuildContext.layout(folder: folder, tag: tag, digest: digest).text
    return try await image(called: name, platform, at: span) {
      let wanted = try digest.map { text in
        guard let digest = Digest(text) else { throw ImageFault.invalidDigest(text) }
        return digest
      }
      let wish = LayoutWish(
        folder: FilePath(folder), tag: tag, digest: wanted, platform: platform)
      let (details, layers) = try await builder.store.image(of: wish)
      return StageState(base: details, layers: layers)
    }
  }

  /// An image by what the build calls it, each once.
  private func image(
    called name: String, _ platform: Platform, at span: SourceSpan,
    _ bring: @Sendable () async throws -> StageState
  ) async throws -> StageState {
    try await images.value("\(platform) \(name)") {
      do {
        return try await bring()
      } catch let failure as any Diagnosable {
        let first = failure.diagnostics.first
        throw Faults([
          source.diagnostic(
            "the image `\(name)` cannot be had",
            causes: (first.map { [$0.summary] } ?? []) + (first?.causes ?? []), at: span,
            hint: graph.nearestStage(to: name).map { "did you mean the stage `\($0)`?" }
              ?? first?.hint)
        ])
      }
    }
  }
}

extension Builder {
  /// An image as what is built on. Fetched when it is not here, or when that is asked for.
  func image(_ name: String, _ platform: Platform, pulls: Bool) async throws -> StageState {
    let session = session
    let request = PullRequest(
      try ImageReference(parsing: name), platform: platform)
    let lease = store.lease
    var image = try await blocking { try session.localImage(request, lease) }
    if image == nil || pulls {
      image = try await session.fetch([request], keepingBy: lease)[request]?.get()
    }
    guard let image else {
      throw Faults([Diagnostic("no such image: \(request.reference.familiar)")])
    }
    return try await blocking {
      let details = try session.images.details(of: image, keepingBy: lease)
      return StageState(base: details, layers: try session.images.stack(of: details))
    }
  }
}

extension BuildArgument {
  /// What is known of platforms before anything is said.
  static func platforms(target: Platform, stage: String?) -> [BuildArgument] {
    var arguments = [BuildArgument(name: "TARGETSTAGE", value: stage ?? "default")]
    for (prefix, platform) in [("TARGET", target), ("BUILD", Platform.host)] {
      arguments += [
        BuildArgument(name: prefix + "PLATFORM", value: "\(platform)"),
        BuildArgument(name: prefix + "OS", value: platform.os),
        BuildArgument(name: prefix + "ARCH", value: platform.architecture),
        BuildArgument(name: prefix + "VARIANT", value: platform.variant ?? ""),
      ]
    }
    return arguments
  }
}

/// Values that the builder was given from outside.
final class BuildArguments: Sendable {
  /// Last of a name wins; the command line over the file.
  let values: [String: String]
  private let unused: Mutex<Set<String>>

  /// Known to every command without a declaration; no part of history or keys.
  static let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]
    .flatMap { [$0, $0.lowercased()] }

  init(_ arguments: [KeyValue]) {
    var values: [String: String] = [:]
    for argument in arguments { values[argument.key] = argument.value }
    self.values = values
    let known = Set(Self.proxies + ["SOURCE_DATE_EPOCH"])
    unused = Mutex(Set(values.keys.filter { !known.contains($0) && !$0.hasPrefix("BUILDKIT_") }))
  }

  func value(of name: String) -> String? { values[name] }

  func noteUse(of name: String) { unused.withLock { _ = $0.remove(name) } }

  /// Those that no `ARG` has asked for.
  var notConsumed: [String] { unused.withLock { $0.sorted() } }

  var proxies: [BuildArgument] {
    Self.proxies.compactMap { name in
      values[name].map { BuildArgument(name: name, value: $0) }
    }
  }

  /// SOURCE_DATE_EPOCH as images tell time; nil where it is not given.
  func epochStamp() throws -> String? {
    guard let text = values["SOURCE_DATE_EPOCH"], !text.isEmpty else { return nil }
    guard let seconds = Int64(text), seconds >= 0, seconds < 253_402_300_800 else {
      throw Faults([
        Diagnostic("SOURCE_DATE_EPOCH is no number of seconds since 1970: `\(text)`")
      ])
    }
    guard seconds < 9_223_372_036 else { return nil }
    return Timestamp(nanoseconds: seconds * 1_000_000_000).rfc3339
  }

  var epoch: Int64? { values["SOURCE_DATE_EPOCH"].flatMap { Int64($0) } }
}
