// What `--from` may name: a stage before its own, an image, a named context.

package import Diagnostics

/// The faults of `COPY --from` and `RUN --mount=from=` that name a stage which is not there yet, or a number that no
/// stage has. No image is meant by them: what a stranger has called so must not be taken instead.
///
/// - Parameter contexts: names that stand for something else in this build.
package func misplacedSources(_ dockerfile: Dockerfile, contexts: Set<String>) -> [Diagnostic] {
  dockerfile.stages.flatMap { stage in
    stage.instructions.flatMap(\.sourceStages).compactMap { word in
      contexts.contains(word.text) ? nil : fault(word, in: stage, dockerfile.stages)
    }
  }
}

private func fault(_ word: Word, in stage: Stage, _ stages: [Stage]) -> Diagnostic? {
  if let index = Int(word.text) {
    if (0..<stage.index).contains(index) { return nil }
    return Diagnostic(
      "`--from=\(word.text)` names no stage before this one", span: word.span,
      hint: stage.index == 0
        ? "this is the first stage"
        : "stages are counted from 0: the last before it is \(stage.index - 1)")
  }
  let name = word.text.lowercased()
  let found = stages.filter { $0.name == name }
  guard let first = found.first, first.index >= stage.index else { return nil }
  if first.index == stage.index {
    return Diagnostic(
      "stage `\(name)` cannot take from itself", span: word.span,
      hint: "name an image, or a stage before it")
  }
  return Diagnostic(
    "stage `\(name)` is defined on line \(first.span.line), behind the one that takes from it",
    span: word.span, hint: "move it before this stage")
}

extension Instruction {
  /// What it takes files from.
  fileprivate var sourceStages: [Word] {
    switch kind {
    case .copy(let copy): copy.from.map { [$0] } ?? []
    case .run(let run): run.mounts.compactMap(\.from)
    default: []
    }
  }
}
