// Pieces of a template to its nodes.

import Diagnostics
import JSON

struct TemplateParser {
  /// Deepest nesting of `{{if}}` and the like, and of parentheses.
  private static let depthLimit = 64

  private let text: String
  private var pieces: ArraySlice<TemplatePiece>
  private var depth = 0

  init(text: String, pieces: [TemplatePiece]) {
    self.text = text
    self.pieces = pieces[...]
  }

  /// How a list of nodes came to its end.
  private enum End {
    case ofTemplate
    case ofBlock(position: Int)
    /// With what stands behind it: `{{else if .X}}`.
    case otherwise(Tokens, position: Int)
  }

  mutating func parse() throws(TemplateFault) -> [TemplateNode] {
    let (nodes, end) = try nodes()
    switch end {
    case .ofTemplate: return nodes
    case .ofBlock(let position): throw fault("`{{end}}` ends nothing", position, length: 2)
    case .otherwise(_, let position):
      throw fault("`{{else}}` belongs to nothing", position, length: 2)
    }
  }

  private mutating func nodes() throws(TemplateFault) -> ([TemplateNode], End) {
    var nodes: [TemplateNode] = []
    while let piece = pieces.popFirst() {
      switch piece {
      case .text(let text): nodes.append(.text(text))
      case .action(let list, let position):
        var tokens = Tokens(list, end: position)
        guard case .word(let word)? = tokens.first?.kind else {
          nodes.append(.action(try whole(&tokens)))
          continue
        }
        switch word {
        case "end":
          tokens.skip()
          try expectEnd(&tokens)
          return (nodes, .ofBlock(position: position))
        case "else":
          tokens.skip()
          return (nodes, .otherwise(tokens, position: position))
        case "if": nodes.append(try branch(.if, &tokens, position))
        case "with": nodes.append(try branch(.with, &tokens, position))
        case "range": nodes.append(try branch(.range, &tokens, position))
        case "break", "continue":
          tokens.skip()
          try expectEnd(&tokens)
          nodes.append(.leaveRange(word == "break" ? .break : .continue, position: position))
        case "define", "template", "block":
          throw fault("`\(word)` is not supported in templates", position + 2, length: word.count)
        default: nodes.append(.action(try whole(&tokens)))
        }
      }
    }
    return (nodes, .ofTemplate)
  }

  /// `{{if …}} … {{else}} … {{end}}` and its kin, from behind the opening braces.
  private mutating func branch(
    _ kind: TemplateNode.Kind, _ tokens: inout Tokens, _ position: Int
  ) throws(TemplateFault) -> TemplateNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw fault("the template is nested too deep", position) }
    tokens.skip()
    let pipeline = try whole(&tokens)
    var branch = TemplateNode.Branch(kind: kind, pipeline: pipeline, body: [], otherwise: [])
    let end: End
    (branch.body, end) = try nodes()
    switch end {
    case .ofBlock: break
    case .ofTemplate:
      throw fault("a block that begins here has no `{{end}}`", position, length: 2)
    case .otherwise(var rest, let place):
      if case .word(let word)? = rest.first?.kind, word == "if" || word == "with" {
        branch.otherwise = [try self.branch(word == "if" ? .if : .with, &rest, place)]
        return .branch(branch)
      }
      try expectEnd(&rest)
      let last: End
      (branch.otherwise, last) = try nodes()
      guard case .ofBlock = last else {
        throw fault("a block that begins here has no `{{end}}`", position, length: 2)
      }
    }
    return .branch(branch)
  }

  /// A pipeline up to the end of the action.
  private mutating func whole(_ tokens: inout Tokens) throws(TemplateFault) -> TemplatePipeline {
    let pipeline = try pipeline(&tokens)
    try expectEnd(&tokens)
    return pipeline
  }

  private func expectEnd(_ tokens: inout Tokens) throws(TemplateFault) {
    if let extra = tokens.first { throw fault("`}}` is missing before this", extra.position) }
  }

  private mutating func pipeline(_ tokens: inout Tokens) throws(TemplateFault) -> TemplatePipeline {
    var pipeline = TemplatePipeline(position: tokens.position)
    try variables(&tokens, of: &pipeline)
    while true {
      pipeline.commands.append(try command(&tokens))
      guard case .pipe? = tokens.first?.kind else { return pipeline }
      tokens.skip()
    }
  }

  /// `$a, $b := ` or `$a = `, where that comes first.
  private func variables(_ tokens: inout Tokens, of pipeline: inout TemplatePipeline)
    throws(TemplateFault)
  {
    var rest = tokens
    var names: [String] = []
    while case .variable(let name)? = rest.first?.kind, names.count < 2 {
      names.append(name)
      rest.skip()
      switch rest.first?.kind {
      case .comma: rest.skip()
      case .declare, .assign:
        pipeline.assigns = rest.first?.kind == .assign
        rest.skip()
        pipeline.variables = names
        tokens = rest
        return
      default: return
      }
    }
  }

  private mutating func command(_ tokens: inout Tokens) throws(TemplateFault) -> TemplateCommand {
    var operands: [TemplateOperand] = []
    while let operand = try operand(&tokens) { operands.append(operand) }
    guard let first = operands.first else {
      throw fault("a value is missing here", tokens.position)
    }
    if operands.count > 1, !first.takesArguments {
      throw fault("a value that is no function takes no arguments", first.position)
    }
    return TemplateCommand(operands: operands)
  }

  private mutating func operand(_ tokens: inout Tokens) throws(TemplateFault) -> TemplateOperand? {
    guard let token = tokens.first else { return nil }
    var operand = TemplateOperand(position: token.position, base: .dot)
    switch token.kind {
    case .dot: tokens.skip()
    case .field(let name):
      tokens.skip()
      operand.fields = [.init(name: name, position: token.position)]
    case .variable(let name):
      tokens.skip()
      operand.base = .variable(name)
    case .string(let text):
      tokens.skip()
      operand.base = .literal(.string(text))
    case .number(let number):
      tokens.skip()
      operand.base = .literal(.number(number))
    case .word(let word):
      tokens.skip()
      operand.base = try named(word, token.position)
    case .open:
      tokens.skip()
      operand.base = .pipeline(try inner(&tokens, token.position))
    case .pipe, .close: return nil
    case .comma, .declare, .assign: throw fault("this is not expected here", token.position)
    }
    while let next = tokens.first, next.isAdjacent, case .field(let name) = next.kind {
      operand.fields.append(.init(name: name, position: next.position))
      tokens.skip()
    }
    return operand
  }

  private mutating func inner(_ tokens: inout Tokens, _ position: Int) throws(TemplateFault)
    -> TemplatePipeline
  {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw fault("the template is nested too deep", position) }
    let pipeline = try pipeline(&tokens)
    guard case .close? = tokens.first?.kind else { throw fault("`(` is not closed", position) }
    tokens.skip()
    return pipeline
  }

  private func named(_ word: String, _ position: Int) throws(TemplateFault) -> TemplateOperand.Base
  {
    switch word {
    case "true": return .literal(true)
    case "false": return .literal(false)
    case "nil": return .literal(.null)
    default: break
    }
    if TemplateFunction(rawValue: word) != nil { return .function(word) }
    let near = nearest(to: word, among: TemplateFunction.allCases.map(\.rawValue))
    var unknown = fault("unknown function `\(word)` in the template", position, length: word.count)
    unknown.hint = near.map { "did you mean `\($0)`?" } ?? "fields begin with a dot: `.\(word)`"
    throw unknown
  }

  private func fault(_ message: String, _ position: Int, length: Int = 1) -> TemplateFault {
    TemplateFault(message: message, template: text, position: position, length: length)
  }
}

extension TemplateOperand {
  fileprivate var takesArguments: Bool {
    switch base {
    case .function: true
    case .dot, .variable, .pipeline: !fields.isEmpty
    case .literal: false
    }
  }
}

/// What is left of an action.
private struct Tokens {
  private var rest: ArraySlice<TemplateToken>
  /// Where the action begins: for what is missing.
  private let start: Int
  private var last: Int

  init(_ tokens: [TemplateToken], end: Int) {
    rest = tokens[...]
    start = end
    last = tokens.last?.position ?? end
  }

  var first: TemplateToken? { rest.first }
  var position: Int { rest.first?.position ?? last }

  mutating func skip() { rest = rest.dropFirst() }
}
