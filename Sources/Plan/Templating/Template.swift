// Templates as `--format` takes them: the part of Go's text/template that people write for docker's
// listings. A template is parsed once, then filled in for each row.

package import Diagnostics
package import JSON

/// What is wrong with a template, and where in it.
package struct TemplateFault: Diagnosable, Hashable {
  package var message: String
  package var hint: String?
  var template: String
  /// In Unicode scalars from the beginning.
  package var position: Int
  var length = 1

  package var diagnostics: [Diagnostic] {
    var line = 1
    var column = 1
    for scalar in template.unicodeScalars.prefix(position) {
      column = scalar == "\n" ? 1 : column + 1
      line += scalar == "\n" ? 1 : 0
    }
    let lines = template.split(separator: "\n", omittingEmptySubsequences: false)
    return [
      Diagnostic(
        message,
        span: SourceSpan(file: "template", line: line, column: column, length: max(1, length)),
        excerpt: line <= lines.count ? String(lines[line - 1]) : nil, hint: hint)
    ]
  }
}

/// What a template is filled in with: an object, and fields that take a word: `.Label "x"`.
package struct TemplateSubject: Sendable {
  package var value: JSONValue
  package var methods: [String: @Sendable (String) -> String]

  package init(_ value: JSONValue, methods: [String: @Sendable (String) -> String] = [:]) {
    self.value = value
    self.methods = methods
  }
}

package struct Template: Sendable {
  /// Longest template, in Unicode scalars.
  static let lengthLimit = 64 << 10
  let text: String
  let nodes: [TemplateNode]

  package init(parsing text: String) throws(TemplateFault) {
    guard text.unicodeScalars.count <= Self.lengthLimit else {
      throw TemplateFault(message: "the template is too long", template: "", position: 0)
    }
    self.text = text
    var parser = TemplateParser(text: text, pieces: try TemplateLexer.pieces(of: text))
    nodes = try parser.parse()
  }

  /// Refuses a field that no row has, before there is a row. Fields of what `range` and `with` come to
  /// are looked at when they are filled in.
  package func check(fields: [String]) throws(TemplateFault) {
    for field in rootFields(of: nodes) where !fields.contains(field.name) {
      throw unknownField(field.name, among: fields, at: field.position, in: text)
    }
  }

  package func fill(_ subject: TemplateSubject) throws(TemplateFault) -> String {
    var interpreter = TemplateInterpreter(self, subject)
    return try interpreter.run()
  }

  /// The line above a table: fields are their headings, and functions leave them alone.
  func fillHeadings(_ headings: TemplateSubject) throws(TemplateFault) -> String {
    var interpreter = TemplateInterpreter(self, headings)
    interpreter.isOfHeadings = true
    return try interpreter.run()
  }
}

func unknownField(_ name: String, among known: [String], at position: Int, in template: String)
  -> TemplateFault
{
  let near = nearest(to: name, among: known).map { "did you mean `.\($0)`?" }
  let all = known.sorted().map { "`.\($0)`" }.joined(separator: ", ")
  return TemplateFault(
    message: "unknown field `.\(name)` in the template",
    hint: near ?? (known.isEmpty || known.count > 40 ? nil : "there are \(all)"),
    template: template, position: position, length: name.unicodeScalars.count + 1)
}
