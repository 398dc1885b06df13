// Words with variables and quotes turned into values (reference E33), as docker's own small shell does it.

package import Diagnostics

/// The bytes that variables may add to one value.
let largestGrowth = 1 << 20

/// Values below 64 levels of `${a:-${b:-…}}` are nobody's intention.
let deepestExpansion = 64

/// Takes quotes and escapes away and puts variables in. Blocks nowhere; faults are `Faults` with the
/// word's span.
package struct Expansion: Sendable {
  let escape: UInt8

  package init(escape: UInt8 = UInt8(ascii: "\\")) { self.escape = escape }

  /// One value: blanks stay as they are.
  package func text(_ word: Word, _ variables: (String) -> String?) throws -> String {
    try expanding(word.span) { () throws(ExpansionFault) in
      try withLexer(word.text, variables) { (lexer) throws(ExpansionFault) in try lexer.text() }
    }
  }

  /// Several values: split at blanks that are not quoted, also at those of variables. Empty ones vanish.
  package func words(_ word: Word, _ variables: (String) -> String?) throws -> [String] {
    try expanding(word.span) { () throws(ExpansionFault) in
      try withLexer(word.text, variables) { (lexer) throws(ExpansionFault) in try lexer.words() }
    }
  }

  /// The content of a here-document: quotes stay, a backslash is taken away before any sign, whatever
  /// the file's escape sign is. One with a quoted name comes back as it is.
  ///
  /// - Parameter span: where a fault is told to be.
  package func document(
    _ document: HereDocument, at span: SourceSpan? = nil, _ variables: (String) -> String?
  ) throws -> String {
    guard document.expands else { return document.content }
    let plain = Expansion()
    return try expanding(span) { () throws(ExpansionFault) in
      try plain.withLexer(document.content, keepsQuotes: true, variables) {
        (lexer) throws(ExpansionFault) in try lexer.text()
      }
    }
  }

  /// The names of variables in a word, each once, in order; also those in defaults of others. A word
  /// that cannot be read has those that stand before the fault.
  package func usedVariables(in word: Word) -> [String] {
    usedVariables(in: word.text, keepsQuotes: false)
  }

  /// Likewise of a here-document.
  package func usedVariables(in document: HereDocument) -> [String] {
    guard document.expands else { return [] }
    return Expansion().usedVariables(in: document.content, keepsQuotes: true)
  }

  private func usedVariables(in text: String, keepsQuotes: Bool) -> [String] {
    withLexer(text, keepsQuotes: keepsQuotes, isDry: true, { _ in nil }) { lexer in
      // The names that were met count, whatever comes after them.
      _ = try? lexer.text()
      var seen: Set<String> = []
      return lexer.names.filter { name in
        name.unicodeScalars.first.map { $0 == "_" || $0.properties.isAlphabetic } == true
          && seen.insert(name).inserted
      }
    }
  }

  /// Throws what no value of a variable could mend.
  func check(_ word: Word) throws {
    _ = try expanding(word.span) { () throws(ExpansionFault) in
      try withLexer(word.text, isDry: true, { _ in nil }) { (lexer) throws(ExpansionFault) in
        try lexer.text()
      }
    }
  }

  private func withLexer<Value, Fault: Error>(
    _ text: String, keepsQuotes: Bool = false, isDry: Bool = false,
    _ variables: (String) -> String?,
    _ body: (inout ExpansionLexer) throws(Fault) -> Value
  ) throws(Fault) -> Value {
    let result: Result<Value, Fault> = withoutActuallyEscaping(variables) { variables in
      var lexer = ExpansionLexer(
        text, escape: Unicode.Scalar(escape), keepsQuotes: keepsQuotes, isDry: isDry,
        variables: variables)
      do throws(Fault) {
        return .success(try body(&lexer))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func expanding<Value>(
    _ span: SourceSpan?, _ body: () throws(ExpansionFault) -> Value
  ) throws -> Value {
    do throws(ExpansionFault) {
      return try body()
    } catch {
      throw Faults([Diagnostic(error.summary, span: span, hint: error.hint)])
    }
  }
}

struct ExpansionFault: Error {
  var summary: String
  var hint: String?

  init(_ summary: String, hint: String? = nil) {
    self.summary = summary
    self.hint = hint
  }
}
