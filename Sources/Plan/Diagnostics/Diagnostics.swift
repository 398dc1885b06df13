// What went wrong, where in the user's text, and what to type. Values only: `Console` prints them.

/// A place in a text that the user wrote. Lines and columns count from 1; columns are in
/// characters as an editor counts them (Unicode scalars), `length` likewise.
package struct SourceSpan: Hashable, Sendable {
  package var file: String
  package var line: Int
  package var column: Int
  package var length: Int

  package init(file: String, line: Int, column: Int, length: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
  }
}

/// One message for the user. `summary` is lower case without a full stop, names in backticks.
package struct Diagnostic: Hashable, Sendable {
  package enum Severity: String, Sendable {
    case error
    case warning
  }

  package var severity: Severity
  /// Stable code of the kind, such as `B0123`; nil where none was given.
  package var code: String?
  package var summary: String
  /// The chain of what was being done, outermost first.
  package var causes: [String]
  package var span: SourceSpan?
  /// The source line that `span` points at, without its line end.
  package var excerpt: String?
  package var hint: String?

  package init(
    _ summary: String, severity: Severity = .error, code: String? = nil, causes: [String] = [],
    span: SourceSpan? = nil, excerpt: String? = nil, hint: String? = nil
  ) {
    self.severity = severity
    self.code = code
    self.summary = summary
    self.causes = causes
    self.span = span
    self.excerpt = excerpt
    self.hint = hint
  }
}

/// An error that knows how to speak to the user.
package protocol Diagnosable: Error {
  /// At least one; in the order in which they should be shown.
  var diagnostics: [Diagnostic] { get }
  /// The exit status that the command should end with: 1 unless the reference says otherwise.
  var exitStatus: Int32 { get }
}

extension Diagnosable {
  package var exitStatus: Int32 { 1 }
}

/// Several faults reported at once.
package struct Faults: Diagnosable {
  package var diagnostics: [Diagnostic]

  package init(_ diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics
  }
}

/// One floor of the story around an error: "starting `web`". Wraps without hiding the first cause.
package struct Failure: Diagnosable {
  package var doing: String
  package var cause: any Error
  package var hint: String?

  package init(_ doing: String, _ cause: any Error, hint: String? = nil) {
    self.doing = doing
    self.cause = cause
    self.hint = hint
  }

  package var exitStatus: Int32 { (cause as? any Diagnosable)?.exitStatus ?? 1 }

  package var diagnostics: [Diagnostic] {
    guard let inner = cause as? any Diagnosable else {
      return [Diagnostic(doing, causes: ["\(cause)"], hint: hint)]
    }
    return inner.diagnostics.map { diagnostic in
      guard diagnostic.severity == .error else { return diagnostic }
      var outer = diagnostic
      outer.summary = doing
      outer.causes = [diagnostic.summary] + diagnostic.causes
      outer.hint = diagnostic.hint ?? hint
      return outer
    }
  }
}
