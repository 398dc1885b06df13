// A template as it was understood.

import JSON

indirect enum TemplateNode: Sendable {
  case text(String)
  case action(TemplatePipeline)
  case branch(Branch)
  case leaveRange(Leaving, position: Int)

  enum Kind: Sendable {
    case `if`
    case with
    case range
  }

  enum Leaving: Sendable {
    case `break`
    case `continue`
  }

  struct Branch: Sendable {
    var kind: Kind
    var pipeline: TemplatePipeline
    var body: [TemplateNode]
    var otherwise: [TemplateNode]
  }
}

/// Commands whose results are the last argument of the next, and the variables that take the last one.
struct TemplatePipeline: Sendable {
  var position: Int
  var variables: [String] = []
  /// `=` in place of `:=`.
  var assigns = false
  var commands: [TemplateCommand] = []
}

/// What is called, and its arguments; or a value alone.
struct TemplateCommand: Sendable {
  var operands: [TemplateOperand]
}

struct TemplateOperand: Sendable {
  indirect enum Base: Sendable {
    case dot
    case variable(String)
    case literal(JSONValue)
    case function(String)
    case pipeline(TemplatePipeline)
  }

  struct Field: Sendable {
    var name: String
    var position: Int
  }

  var position: Int
  var base: Base
  /// `.A.B` behind it.
  var fields: [Field] = []
}

/// The fields of the row itself that are asked for: `.A` outside of `range` and `with`, and `$.A`.
func rootFields(of nodes: [TemplateNode]) -> [TemplateOperand.Field] {
  var found: [TemplateOperand.Field] = []
  func visit(_ pipeline: TemplatePipeline, _ isAtRoot: Bool) {
    for operand in pipeline.commands.flatMap(\.operands) {
      switch operand.base {
      case .dot: if isAtRoot { found += operand.fields.prefix(1) }
      case .variable("$"): found += operand.fields.prefix(1)
      case .pipeline(let inner): visit(inner, isAtRoot)
      case .variable, .literal, .function: break
      }
    }
  }
  func visit(_ nodes: [TemplateNode], _ isAtRoot: Bool) {
    for node in nodes {
      switch node {
      case .text, .leaveRange: break
      case .action(let pipeline): visit(pipeline, isAtRoot)
      case .branch(let branch):
        visit(branch.pipeline, isAtRoot)
        visit(branch.body, isAtRoot && branch.kind == .if)
        visit(branch.otherwise, isAtRoot)
      }
    }
  }
  visit(nodes, true)
  return found
}
