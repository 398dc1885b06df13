// What `RUN --mount` asks for, with the values that it has, and what of it counts for the key of the step.

import Blueprint
import Control
import Diagnostics
import Dockerfile
import Linux
import OCI
import SystemPackage

/// The mounts of one `RUN`.
struct RunMounts: Sendable {
  enum Kind: Sendable {
    case bind(LayerSource, source: String)
    case cache(id: String, seed: LayerSource?, seedPath: String)
    case tmpfs
    case secret(id: String)
    case ssh(id: String)
  }

  struct Item: Sendable {
    var mount: RunMount
    var kind: Kind
    /// Absolute; nil for a secret that is a variable alone.
    var target: String?
    /// The variable of a secret.
    var variable: String?
  }

  var items: [Item] = []
}

extension RunMounts.Kind {
  /// What it is called, never what is in it.
  fileprivate var keyParts: [String] {
    switch self {
    case .bind, .tmpfs: []
    case .cache(let id, let seed, let path): [id, seed == nil ? "" : path]
    case .secret(let id), .ssh(let id): [id]
    }
  }
}

extension RunMount {
  fileprivate var keyParts: [String] {
    [user, group, mode].map { $0.map { "\($0)" } ?? "" }
      + [
        size.map { "\($0)" } ?? "", sharing.rawValue, isRequired ? "required" : "",
        from?.text ?? "",
      ]
  }
}

extension StageRun {
  func runMounts(_ run: RunInstruction, _ state: StageState) async throws -> RunMounts {
    var mounts = RunMounts()
    for mount in run.mounts {
      let read = try mount.readingVariables(job.expansion) { state.variable($0) }
      mounts.items.append(try await item(read, state))
    }
    return mounts
  }

  /// What of the mounts counts for the key of a step, as they are now: of secrets only how they are asked for.
  func key(of mounts: RunMounts) async throws -> [String] {
    var key: [String] = []
    for item in mounts.items {
      key += [item.mount.kind.rawValue, item.target ?? "", item.variable ?? ""]
      key.append(item.mount.isWritable ? "rw" : "ro")
      key += item.mount.keyParts + item.kind.keyParts
      switch item.kind {
      case .bind(let source, let path), .cache(_, let source?, let path):
        key.append(try await digest(of: source, path, for: item.mount))
      case .cache, .tmpfs, .secret, .ssh: continue
      }
    }
    return key
  }

  func digest(of source: LayerSource, _ path: String, for mount: RunMount) async throws
    -> String
  {
    let session = builder.session
    let job = copying(source, path)
    return try await placing(in: mount.from?.text) {
      _ in
      mount.span
    } _: {
      try await session.layerDigests(job).map(\.digest).joined(separator: " ")
    }
  }

  /// A copy of what is mounted, as the only thing in a root.
  func copying(_ source: LayerSource, _ path: String) -> LayerJob {
    LayerJob(
      action: .apply, lowers: [], upper: "", work: "",
      steps: [
        .copy(LayerCopy(source: source, patterns: [literal(path)], target: "/mounted"))
      ])
  }

  /// A path as a pattern that means it alone.
  private func literal(_ path: String) -> Bytes {
    let special = Array("*?[\\".utf8)
    return Bytes(path.utf8.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] })
  }

  private func item(_ mount: RunMount, _ state: StageState) async throws -> RunMounts.Item {
    func text(_ word: Word?) throws -> String? {
      guard let word else { return nil }
      let text = try state.text(word, job.expansion)
      return text.isEmpty ? nil : text
    }
    func absolute(_ path: String) -> String {
      let folder = state.config.workingDirectory
      return cleaned(path.hasPrefix("/") ? path : folder + "/" + path)
    }
    let target = try text(mount.target)
    /// The working directory where nothing is said, as with BuildKit.
    func required() throws -> String {
      let path = absolute(target ?? "")
      if path == "/" {
        throw job.source.fault("a mount cannot have the root as its target", at: mount.span)
      }
      return path
    }
    switch mount.kind {
    case .bind:
      let source = try await origin(mount) ?? job.contextSource
      return RunMounts.Item(
        mount: mount, kind: .bind(source, source: try text(mount.source) ?? "."),
        target: try required())
    case .cache:
      let path = try required()
      let seed = try await origin(mount)
      return RunMounts.Item(
        mount: mount,
        kind: .cache(
          id: try text(mount.id) ?? path, seed: seed, seedPath: try text(mount.source) ?? "."),
        target: path)
    case .tmpfs:
      return RunMounts.Item(mount: mount, kind: .tmpfs, target: try required())
    case .secret:
      let variable = try text(mount.variable)
      let named =
        try text(mount.id) ?? target.flatMap { $0.split(separator: "/").last.map(String.init) }
      guard let id = named else {
        throw job.source.fault("a secret needs an `id` or a `target`", at: mount.span)
      }
      let path = target.map(absolute) ?? (variable == nil ? "/run/secrets/\(id)" : nil)
      return RunMounts.Item(
        mount: mount, kind: .secret(id: id), target: path, variable: variable)
    case .ssh:
      return RunMounts.Item(
        mount: mount, kind: .ssh(id: try text(mount.id) ?? "default"), target: target.map(absolute))
    }
  }

  /// What `from` names; nil where it is not said.
  private func origin(_ mount: RunMount) async throws -> LayerSource? {
    guard let from = mount.from else { return nil }
    let origin = job.graph.origin(from.text, in: stage.index)
    if case .context(let name) = origin,
      let folder = try await job.source(ofContext: name, at: from.span)
    {
      return folder
    }
    return .layers(job.lowers(try await job.state(of: origin, at: from.span).layers))
  }
}
