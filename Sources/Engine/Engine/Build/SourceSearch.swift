// What is copied from the context is looked for before the first program runs: nobody shall wait for it to
// end to hear of a misspelt name.

import Blueprint
import Control
import Diagnostics
import Dockerfile
import Linux
import Synchronization

/// A step cannot go on, and another one has said why.
struct ToldElsewhere: Error {
  let failure: any Error
}

extension BuildJob {
  /// Looks for what the stages of the build copy from the context, where the words have no variables. The faults
  /// are those that the steps would tell.
  func lookForSources() async throws {
    try await search.alone(true) {
      if isSearched.withLock({ $0 }) { return }
      let stages = begun.withLock { $0.sorted() }.map { source.dockerfile.stages[$0] }
      var copies: [(copy: CopyInstruction, step: LayerCopy)] = []
      for copy in stages.flatMap(\.instructions).compactMap(\.copied) where isPlain(copy) {
        let words = try CopyWords(copy, StageState(scratch: platform), self)
        copies.append((copy, words.step(contextSource, words.sources)))
      }
      isSearched.withLock { $0 = true }
      if copies.isEmpty { return }
      let job = LayerJob(
        action: .find, lowers: [], upper: "", work: "", steps: copies.map { .copy($0.step) })
      do {
        try await builder.session.perform(job)
      } catch let failure as LayerFailure {
        guard let index = failure.step, copies.indices.contains(index) else { throw failure }
        let sources = copies[index].copy.sources
        let word = failure.pattern.flatMap { sources.indices.contains($0) ? sources[$0] : nil }
        let fault = fault(
          failure, in: nil, at: word?.span ?? copies[index].copy.destination.span)
        do {
          // Where it shows, as with BuildKit; no step of the Dockerfile is to blame.
          try await builder.step("[\(label)internal] load build context") {
            _ -> (value: Void, isCached: Bool) in throw fault
          }
        } catch {
          throw ToldElsewhere(failure: error)
        }
      }
    }
  }

  /// Whether it takes from the context alone, by words without variables.
  private func isPlain(_ copy: CopyInstruction) -> Bool {
    let words =
      copy.sources + copy.excludes + [copy.destination] + [copy.owner, copy.mode].compactMap { $0 }
    guard copy.from == nil, !copy.sources.isEmpty,
      words.allSatisfy({ expansion.usedVariables(in: $0).isEmpty })
    else { return false }
    // What is fetched is another matter, and so is what cannot be read.
    return !copy.isAdd || copy.sources.allSatisfy { !$0.text.contains(":") }
  }

  /// What the copier says, at the word that it is about.
  /// - Parameter from: what was copied from, as it is written; nil is the context.
  func fault(_ failure: LayerFailure, in from: String?, at span: SourceSpan) -> Faults {
    guard let missing = failure.missing else {
      return source.fault(failure.summary, at: span, hint: failure.hint)
    }
    let origin = from.map { "`\($0)`" } ?? "the build context `\(source.shownContext)`"
    return source.fault("`\(missing)` is not in \(origin)", at: span, hint: failure.hint)
  }
}

extension Instruction {
  fileprivate var copied: CopyInstruction? {
    if case .copy(let copy) = kind { copy } else { nil }
  }
}
