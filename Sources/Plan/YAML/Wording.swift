// libyaml's complaints in words that say what to type, at the place where the mistake is.

extension YAMLFault {
  /// A complaint of the scanner or parser.
  ///
  /// - Parameters:
  ///   - problem: what it says.
  ///   - mark: where it noticed.
  ///   - context: what it was reading then, and where that began.
  ///   - byte: what stands at `mark`.
  init(
    problem: String, mark: YAMLMark, context: (text: String, mark: YAMLMark)?, byte: UInt8?
  ) {
    self.init(.syntax, problem, mark: mark)
    let began = context.map { "\($0.text) that began at line \($0.mark.line)" }
    switch problem {
    case "found character that cannot start any token":
      character(byte)
    case "mapping values are not allowed in this context":
      summary = "a `:` stands where no key can be"
      hint =
        "put a text that holds `: ` in quotes, or check how the line before ends and is indented"
    case "could not find expected ':'":
      summary = "a key has no `:` behind it"
      hint = "write `KEY: VALUE`"
      if let context { self.mark = context.mark }
    case "found unexpected end of stream":
      summary = "a quote is not closed"
      hint = "close it, or put the other kind of quotes around it"
      if let context { self.mark = context.mark }
    case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
      let isList = problem.hasSuffix("]'")
      summary = "a \(isList ? "list in `[ ]`" : "mapping in `{ }`") does not end here"
      hint =
        "it began at line \(context?.mark.line ?? mark.line); close it with"
        + " `\(isList ? "]" : "}")`, or separate its items with `,`"
    case "did not find expected '-' indicator", "did not find expected key":
      let what = problem.hasSuffix("key") ? "key" : "item"
      summary = "no \(what) can begin here"
      hint = began.map { "\($0): check the indent and the quotes of this line" }
    case "found a tab character that violates indentation":
      summary = "a tab indents the line"
      hint = "indent with spaces"
    case "control characters are not allowed":
      hint = "remove the character"
    case let problem where problem.contains("UTF-8"):
      summary = "the text is not UTF-8: \(problem)"
      hint = "save the file as UTF-8"
    default: hint = began
    }
  }

  private mutating func character(_ byte: UInt8?) {
    switch byte {
    case 0x09?:
      summary = "a tab stands where only spaces can be"
      hint = "indent with spaces"
    case let byte? where byte < 0x80:
      let shown = String(UnicodeScalar(byte))
      summary = "no text can begin with `\(shown)`"
      hint = "put it in quotes"
    default: break
    }
  }
}
