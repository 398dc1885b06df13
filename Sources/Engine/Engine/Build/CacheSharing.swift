// `cache_from` and `cache_to`: steps that were made elsewhere, and steps given away.

import Compose
import Diagnostics
import Images
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage

/// The steps of one build, and those that caches elsewhere have.
final class SharedCache: Sendable {
  private struct Foreign {
    var steps: [Digest: ForeignStep] = [:]
    /// Whether all places have said what they have.
    var isWhole = false
    var lastWaiter = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let foreign = Mutex(Foreign())
  private let own = Mutex<[KeyedStep]>([])

  /// What all places have. Those that are named first go first.
  func settle(_ places: [[Digest: ForeignStep]]) {
    let waiting = foreign.withLock { foreign in
      for steps in places { foreign.steps.merge(steps) { first, _ in first } }
      foreign.isWhole = true
      defer { foreign.waiting = [:] }
      return foreign.waiting.values
    }
    for continuation in waiting { continuation.resume() }
  }

  /// A step that was made elsewhere. Waits until all places have said what they have, or the task is cancelled.
  func step(_ key: Digest) async -> ForeignStep? {
    let waiter = foreign.withLock { foreign in
      foreign.lastWaiter += 1
      return foreign.lastWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = foreign.withLock { foreign in
          if foreign.isWhole { return true }
          foreign.waiting[waiter] = continuation
          return false
        }
        if isOver { continuation.resume() } else if Task.isCancelled { release(waiter) }
      }
    } onCancel: {
      release(waiter)
    }
    return foreign.withLock { $0.steps[key] }
  }

  private func release(_ waiter: Int) {
    foreign.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
  }

  func note(_ step: KeyedStep) {
    own.withLock { own in
      if !own.contains(where: { $0.key == step.key }) { own.append(step) }
    }
  }

  /// In the order of their making; of an image alone, where its layers are given.
  func steps(of layers: [StackedLayer]?) -> [KeyedStep] {
    let steps = own.withLock { $0 }
    guard let layers else { return steps }
    let chains = Set(layers.map(\.chain))
    return steps.filter { chains.contains($0.step.layer.chain) }
  }
}

extension BuildJob {
  /// The places that steps are looked for in.
  func cachesToRead() async throws -> [CacheSource] {
    guard usesCache else { return [] }
    var sources: [CacheSource] = []
    for place in definition.cacheFrom {
      if let point = try await point(of: place) { sources.append(CacheSource(place, point)) }
    }
    return sources
  }

  /// Reads which steps are known elsewhere, all places side by side, each once in a command. What cannot be
  /// read is told, and left out.
  func read(_ sources: [CacheSource]) async {
    let found = await withTaskGroup(of: Found.self) { group in
      for (index, source) in sources.enumerated() {
        group.addTask { Found(index: index, steps: await self.read(source)) }
      }
      var found: [Found] = []
      for await steps in group { found.append(steps) }
      return found.sorted { $0.index < $1.index }
    }
    shared.settle(found.map(\.steps))
  }

  private struct Found: Sendable {
    var index: Int
    var steps: [Digest: ForeignStep]
  }

  private func read(_ source: CacheSource) async -> [Digest: ForeignStep] {
    let text = source.place.text
    do {
      return try await builder.remotes.caches.value(source.key) {
        let title = "[\(label)internal] importing cache from \(text)"
        return try await builder.step(title) { _ in
          do {
            return (try await source.steps(), false)
          } catch is CancellationError {
            throw CancellationError()
          } catch {
            if Task.isCancelled { throw CancellationError() }
            builder.session.warn(Failure("the cache `\(text)` is left out", error))
            return ([:], false)
          }
        }
      }
    } catch {
      // It is not needed any more.
      return [:]
    }
  }

  /// Gives the steps away, where that is wished.
  func exportCaches(of state: StageState) async throws {
    for place in definition.cacheTo {
      guard let point = try await point(of: place) else { continue }
      let steps = shared.steps(of: place.keepsAll ? nil : state.layers)
      do {
        try await builder.step("[\(label)internal] exporting cache to \(place.text)") { _ in
          (try await builder.store.export(steps, to: point), false)
        }
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        let failure = Failure("the cache cannot be written to `\(place.text)`", error)
        guard place.options.contains(KeyValue("ignore-error", "true")) else { throw failure }
        builder.session.warn(failure)
      }
    }
  }

  /// Whether the image itself is to say which steps its layers are.
  var hasInlineCache: Bool {
    definition.cacheTo.contains { $0.kind == .inline }
      || ["1", "true"].contains(arguments.value(of: "BUILDKIT_INLINE_CACHE"))
  }

  /// Nil for what is no place of its own.
  private func point(of place: CachePlace) async throws -> CachePoint? {
    switch place.kind {
    case .inline: return nil
    case .local(let folder): return .folder(try cacheFolder(folder, place))
    case .registry(let text):
      let session = builder.session
      return try await blocking {
        .registry(
          try ImageReference(parsing: text),
          try RegistryClient(environment: session.request.environment))
      }
    case .other(let kind):
      builder.session.tell(
        .warning(
          Diagnostic(
            "caches of type `\(kind)` are not known here: `\(place.text)` is left out",
            severity: .warning, span: place.span, hint: "there are local, registry and inline")))
      return nil
    }
  }
}

/// A place of `cache_from`, and how it is read.
struct CacheSource: Sendable {
  /// A place that does not answer holds no build up for longer.
  private static let patience = Duration.seconds(10)

  let place: CachePlace
  fileprivate let point: CachePoint

  fileprivate init(_ place: CachePlace, _ point: CachePoint) {
    self.place = place
    self.point = point
  }

  /// The same for what is the same place.
  fileprivate var key: String { "\(place.kind) \(place.options)" }

  fileprivate func steps() async throws -> [Digest: ForeignStep] {
    try await withThrowingTaskGroup(of: [Digest: ForeignStep].self) { group in
      group.addTask { try await point.steps() }
      group.addTask {
        try await Task.sleep(for: Self.patience)
        throw NoAnswer(patience: Self.patience)
      }
      defer { group.cancelAll() }
      return try await group.next() ?? [:]
    }
  }
}

private struct NoAnswer: Error, CustomStringConvertible {
  var patience: Duration

  var description: String { "there is no answer within \(patience.components.seconds) seconds" }
}

/// - Throws: `Faults`, for a digest that is none.
private func cacheFolder(_ path: String, _ place: CachePlace) throws -> CacheFolder {
  func option(_ key: String) -> String? {
    place.options.last { $0.key == key && !$0.value.isEmpty }?.value
  }
  var folder = CacheFolder(FilePath(path), tag: option("tag"))
  if let text = option("digest") {
    guard let digest = Digest(text) else {
      throw Faults([
        Diagnostic(
          "cache `\(place.text)`: `\(text)` is no digest", span: place.span,
          hint: "write `sha256:` and 64 digits")
      ])
    }
    folder.digest = digest
  }
  return folder
}

extension Session {
  /// Tells of a failure that ends nothing.
  func warn(_ failure: some Diagnosable) {
    for var diagnostic in failure.diagnostics {
      diagnostic.severity = .warning
      tell(.warning(diagnostic))
    }
  }
}
