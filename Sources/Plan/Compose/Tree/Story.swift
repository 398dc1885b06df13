// How a value came to be: which file and line set it, what was laid on top of it, and which
// variables went into it. Kept only when it is asked for.

/// One step of a value's story, from the first file on.
struct Step: Sendable {
  enum Verb: Sendable, Hashable {
    case set
    /// A later text replaced the value.
    case overrode
    /// A later text put its items behind those that were there.
    case appended
    /// A later text put its keys among those that were there.
    case merged
    /// `!override`: nothing of what was there is left.
    case replaced
    /// A later text took this key out by `!reset`.
    case removed(String)
  }

  var verb: Verb
  /// `none` for what no text says: a default.
  var origin: Origin
  var uses: [VariableInput] = []
}

/// A variable as it went into a value.
package struct VariableInput: Sendable, Hashable {
  package var name: String
  /// nil: it was not set.
  package var value: String?
  /// Where the value is from: `the environment`, or a file.
  package var source: String?
}

extension Node {
  /// The steps so far; what nothing happened to was set where it stands.
  var steps: [Step] { story.isEmpty ? [Step(verb: .set, origin: origin)] : story }

  /// This value laid on top of another one by a later text.
  func told(on base: Node, as verb: Step.Verb) -> [Step] {
    var own = steps
    own[0].verb = verb
    return base.steps + own
  }
}
