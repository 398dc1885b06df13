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
  private let foreign = Mutex<[Digest: ForeignStep]>([:])
  private let own = Mutex<[KeyedStep]>([])

  /// Places that are named first go first.
  func add(_ steps: [Digest: ForeignStep]) {
    foreign.withLock { $0.merge(steps) { first, _ in first } }
  }

  func step(_ key: Digest) -> ForeignStep? { foreign.withLock { $0[key] } }

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
  /// Reads which steps are known elsewhere. What cannot be read is told, and left out.
  func importCaches() async throws {
    guard usesCache else { return }
    for place in definition.cacheFrom {
      guard let point = try await point(of: place) else { continue }
      try await builder.step("[\(label)internal] importing cache from \(place.text)") { _ in
        do {
          shared.add(try await point.steps())
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          builder.session.warn(Failure("the cache `\(place.text)` is left out", error))
        }
        return ((), false)
      }
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
