// Which stages a target needs, and what each name in `FROM` and `--from` stands for.

import Compose
import Diagnostics
import Dockerfile
import OCI

/// What a stage begins with, or is copied from.
enum BuildOrigin: Sendable, Hashable {
  case scratch
  /// Of the same Dockerfile, by its index.
  case stage(Int)
  /// Of `additional_contexts`, by its name.
  case context(String)
  case image(String)
}

struct BuildGraph: Sendable {
  private let stages: [Stage]
  /// Names of contexts by what is compared of them.
  private let contexts: [String: String]
  /// The stage that is the image.
  let target: Int

  /// - Parameters:
  ///   - contexts: their names; the last of those that mean the same counts.
  ///   - target: a name or an index; nil is the last.
  init(
    _ dockerfile: Dockerfile, contexts: [String], target: String?, at span: SourceSpan?
  ) throws {
    stages = dockerfile.stages
    self.contexts = Dictionary(contexts.map { (comparable($0), $0) }) { $1 }
    guard let target, !target.isEmpty else {
      self.target = stages.count - 1
      return
    }
    if let index = Self.stage(target, in: stages[...]) ?? Self.index(target, stages.count) {
      self.target = index
      return
    }
    let names = stages.compactMap(\.name)
    throw Faults([
      Diagnostic(
        "target stage `\(target)` could not be found in \(dockerfile.name)", span: span,
        hint: nearest(to: target, among: names).map { "did you mean `\($0)`?" }
          ?? (names.isEmpty ? nil : "its stages are \(names.joined(separator: ", "))"))
    ])
  }

  private static func stage(_ name: String, in stages: ArraySlice<Stage>) -> Int? {
    let name = name.lowercased()
    return stages.last { $0.name == name }?.index
  }

  private static func index(_ text: String, _ count: Int) -> Int? {
    Int(text).flatMap { (0..<count).contains($0) ? $0 : nil }
  }

  /// A stage whose name is much like this one, which is none.
  func nearestStage(to name: String) -> String? {
    name.contains { ":/@".contains($0) } ? nil : nearest(to: name, among: stages.compactMap(\.name))
  }

  /// What `FROM name` means in a stage: only stages before it can be meant.
  func base(_ name: String, of stage: Int) -> BuildOrigin {
    if let context = contexts[comparable(name)] { return .context(context) }
    if let earlier = Self.stage(name, in: stages[..<stage]) { return .stage(earlier) }
    return name == "scratch" ? .scratch : .image(name)
  }

  /// What `--from=name` means in a stage.
  func origin(_ name: String, in stage: Int) -> BuildOrigin {
    if let context = contexts[comparable(name)] { return .context(context) }
    if let earlier = Self.stage(name, in: stages[..<stage]) ?? Self.index(name, stage) {
      return .stage(earlier)
    }
    return name == "scratch" ? .scratch : .image(name)
  }

  /// The stages that `stage` takes from, directly.
  func needs(of stage: Int, base: BuildOrigin) -> Set<Int> {
    var needed: Set<Int> = []
    func add(_ origin: BuildOrigin) {
      if case .stage(let index) = origin { needed.insert(index) }
    }
    add(base)
    for instruction in stages[stage].instructions {
      switch instruction.kind {
      case .copy(let copy):
        if let from = copy.from { add(origin(from.text, in: stage)) }
      case .run(let run):
        for mount in run.mounts {
          if let from = mount.from { add(origin(from.text, in: stage)) }
        }
      default: break
      }
    }
    return needed
  }
}

/// One text for all names of an image that mean the same, as docker compares those of contexts: `busybox` is
/// `docker.io/library/busybox:latest`.
private func comparable(_ name: String) -> String {
  // What names no image is compared as it is.
  guard let familiar = (try? ImageReference(parsing: name))?.familiar else { return name }
  let latest = ":latest"
  return familiar.hasSuffix(latest) ? String(familiar.dropLast(latest.count)) : familiar
}
