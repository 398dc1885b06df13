// Which of what lies below a source is copied: not what the ignore file of a context names, not what
// `--exclude` names, and with `--parents` only what the pattern names.

import Dockerfile

struct SourceFilter {
  /// What is known of a folder, for what lies in it.
  struct State {
    fileprivate var ignored = IgnoreRules.Verdict.root
    fileprivate var excluded = IgnoreRules.Verdict.root
    fileprivate var isIncluded = false
  }

  enum Verdict {
    case taken
    /// Not it, yet something below it may be.
    case passed
    /// Nor anything below it.
    case left
  }

  /// Of the whole source; `place` is where in it that lies which is copied.
  private let ignored: IgnoreRules?
  private let place: [UInt8]
  /// Relative to what is copied.
  private let excluded: IgnoreRules?
  /// Relative to what is copied: nothing else is taken.
  private let included: PathPattern?

  init(
    ignored: IgnoreRules?, place: [UInt8] = [], excluded: IgnoreRules?,
    included: PathPattern? = nil
  ) {
    self.ignored = ignored.flatMap { $0.isEmpty ? nil : $0 }
    self.place = place.isEmpty ? [] : place + [slash]
    self.excluded = excluded.flatMap { $0.isEmpty ? nil : $0 }
    self.included = included
  }

  /// Of what is copied itself.
  var start: State {
    var state = State()
    if let ignored { state.ignored = ignored.verdict(on: Array(place.dropLast())) }
    return state
  }

  /// - Parameters:
  ///   - path: below what is copied; not empty.
  ///   - state: that of the folder which `path` is in; that of `path` afterwards.
  func verdict(on path: [UInt8], _ state: inout State) -> Verdict {
    var verdict = Verdict.taken
    if let ignored {
      let whole = place.isEmpty ? path : place + path
      state.ignored = ignored.verdict(on: whole, within: state.ignored)
      if state.ignored.isExcluded {
        guard ignored.mayInclude(below: whole, state.ignored) else { return .left }
        verdict = .passed
      }
    }
    if let excluded {
      state.excluded = excluded.verdict(on: path, within: state.excluded)
      if state.excluded.isExcluded {
        guard excluded.mayInclude(below: path, state.excluded) else { return .left }
        verdict = .passed
      }
    }
    if let included, !state.isIncluded {
      state.isIncluded = included.matches(path)
      if !state.isIncluded {
        guard included.mayMatch(below: path) else { return .left }
        verdict = .passed
      }
    }
    return verdict
  }
}
