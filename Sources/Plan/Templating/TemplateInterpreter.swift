// Fills in a template: walks its nodes with a value for `.` and one for each variable.

import JSON

struct TemplateInterpreter {
  /// Most that one filling may do and write: `range` over a long list in another one ends.
  private static let stepLimit = 1_000_000
  private static let outputLimit = 16 << 20

  /// The row itself has methods; all else is plain.
  enum Value {
    case subject
    case plain(JSONValue)
  }

  private enum Flow {
    case on
    case left(TemplateNode.Leaving, position: Int)
  }

  let template: Template
  let subject: TemplateSubject
  var isOfHeadings = false
  private var output = ""
  private var steps = 0
  private var variables: [(name: String, value: Value)] = [("$", .subject)]

  init(_ template: Template, _ subject: TemplateSubject) {
    self.template = template
    self.subject = subject
  }

  mutating func run() throws(TemplateFault) -> String {
    if case .left(let leaving, let position) = try fill(template.nodes, .subject) {
      throw fault("`\(leaving)` stands in no `range`", position)
    }
    return output
  }

  private mutating func fill(_ nodes: [TemplateNode], _ dot: Value) throws(TemplateFault) -> Flow {
    let known = variables.count
    defer { variables.removeSubrange(known...) }
    for node in nodes {
      switch node {
      case .text(let text): try write(text, at: 0)
      case .action(let pipeline):
        let value = try value(of: pipeline, dot)
        if pipeline.variables.isEmpty { try write(shown(value), at: pipeline.position) }
      case .leaveRange(let leaving, let position): return .left(leaving, position: position)
      case .branch(let branch):
        if case .left(let leaving, let position) = try fill(branch, dot) {
          return .left(leaving, position: position)
        }
      }
    }
    return .on
  }

  private mutating func fill(_ branch: TemplateNode.Branch, _ dot: Value) throws(TemplateFault)
    -> Flow
  {
    let known = variables.count
    defer { variables.removeSubrange(known...) }
    if branch.kind == .range { return try fillRange(branch, dot) }
    let value = try value(of: branch.pipeline, dot)
    guard isTrue(plain(value)) else { return try fill(branch.otherwise, dot) }
    return try fill(branch.body, branch.kind == .with ? value : dot)
  }

  private mutating func fillRange(_ branch: TemplateNode.Branch, _ dot: Value)
    throws(TemplateFault) -> Flow
  {
    var bare = branch.pipeline
    bare.variables = []
    let value = plain(try value(of: bare, dot))
    if isOfHeadings { return .on }
    let items = try items(of: value, branch.pipeline.position)
    if items.isEmpty { return try fill(branch.otherwise, dot) }
    for (key, item) in items {
      try count(branch.pipeline.position)
      let known = variables.count
      defer { variables.removeSubrange(known...) }
      let names = branch.pipeline.variables
      if names.count == 2 { variables.append((names[0], .plain(key))) }
      if let last = names.last { variables.append((last, .plain(item))) }
      if case .left(.break, _) = try fill(branch.body, .plain(item)) { break }
    }
    return .on
  }

  private func items(of value: JSONValue, _ position: Int) throws(TemplateFault)
    -> [(key: JSONValue, value: JSONValue)]
  {
    switch value {
    case .array(let list): return list.enumerated().map { (JSONValue($0.offset), $0.element) }
    case .object(let object):
      return object.sorted().members.map { (.string($0.name), $0.value) }
    case .null: return []
    case .number(let number):
      guard let count = number.integer(Int.self), count <= Self.stepLimit else {
        throw fault("`range` cannot go over this number", position)
      }
      return (0..<max(0, count)).map { (JSONValue($0), JSONValue($0)) }
    case .string, .bool: throw fault("`range` needs a list or a map", position)
    }
  }

  // MARK: - Values

  private mutating func value(of pipeline: TemplatePipeline, _ dot: Value) throws(TemplateFault)
    -> Value
  {
    var last: Value?
    for command in pipeline.commands { last = try value(of: command, dot, piped: last) }
    let result = last ?? .plain(.null)
    for name in pipeline.variables {
      if !pipeline.assigns {
        variables.append((name, result))
      } else if let index = variables.lastIndex(where: { $0.name == name }) {
        variables[index].value = result
      } else {
        throw fault("unknown variable `\(name)`", pipeline.position, length: name.count)
      }
    }
    return result
  }

  private mutating func value(of command: TemplateCommand, _ dot: Value, piped: Value?)
    throws(TemplateFault) -> Value
  {
    guard let first = command.operands.first else { return .plain(.null) }
    try count(first.position)
    let rest = command.operands.dropFirst()
    if case .function(let name) = first.base, let function = TemplateFunction(rawValue: name) {
      var result = try call(function, rest, dot, piped, at: first.position)
      for field in first.fields { result = try self.field(field, of: result) }
      return result
    }
    var arguments: [JSONValue] = []
    for operand in rest { arguments.append(plain(try value(of: operand, dot))) }
    if let piped { arguments.append(plain(piped)) }
    if arguments.isEmpty { return try value(of: first, dot) }
    return try method(of: first, arguments, dot)
  }

  /// `.Label "x"`.
  private mutating func method(of operand: TemplateOperand, _ arguments: [JSONValue], _ dot: Value)
    throws(TemplateFault) -> Value
  {
    var owner = operand
    guard let last = owner.fields.popLast() else {
      throw fault("a value that is no function takes no arguments", operand.position)
    }
    guard case .subject = try value(of: owner, dot), let method = subject.methods[last.name] else {
      throw fault("`.\(last.name)` takes no arguments", last.position, length: last.name.count + 1)
    }
    guard arguments.count == 1, let word = arguments[0].string else {
      throw fault("`.\(last.name)` needs one string", last.position, length: last.name.count + 1)
    }
    return .plain(.string(method(word)))
  }

  private mutating func value(of operand: TemplateOperand, _ dot: Value) throws(TemplateFault)
    -> Value
  {
    var result: Value
    switch operand.base {
    case .dot: result = dot
    case .literal(let value): result = .plain(value)
    case .variable(let name):
      guard let known = variables.last(where: { $0.name == name }) else {
        throw fault("unknown variable `\(name)`", operand.position, length: name.count)
      }
      result = known.value
    case .pipeline(let pipeline): result = try value(of: pipeline, dot)
    case .function(let name):
      guard let function = TemplateFunction(rawValue: name) else { return .plain(.null) }
      result = try call(function, [], dot, nil, at: operand.position)
    }
    for field in operand.fields { result = try self.field(field, of: result) }
    return result
  }

  private func field(_ field: TemplateOperand.Field, of owner: Value) throws(TemplateFault)
    -> Value
  {
    if case .subject = owner, subject.methods[field.name] != nil {
      throw fault(
        "`.\(field.name)` needs a name behind it: `.\(field.name) \"NAME\"`", field.position,
        length: field.name.count + 1)
    }
    switch plain(owner) {
    case .object(let object):
      if let value = object[field.name] { return .plain(value) }
      throw unknownField(
        field.name, among: object.members.map(\.name), at: field.position, in: template.text)
    case .null: return .plain(.null)
    case .array, .string, .number, .bool:
      throw fault(
        "`.\(field.name)` is asked of a value that has no fields", field.position,
        length: field.name.count + 1)
    }
  }

  private mutating func call(
    _ function: TemplateFunction, _ operands: ArraySlice<TemplateOperand>, _ dot: Value,
    _ piped: Value?, at position: Int
  ) throws(TemplateFault) -> Value {
    var arguments: [JSONValue] = []
    // These two look no further than they must.
    let stops: Bool? = function == .and ? false : function == .or ? true : nil
    for operand in operands {
      let value = plain(try value(of: operand, dot))
      if let stops, isTrue(value) == stops { return .plain(value) }
      arguments.append(value)
    }
    if let piped { arguments.append(plain(piped)) }
    if isOfHeadings, function.keepsHeadings { return .plain(heading(of: arguments, function)) }
    do {
      return .plain(try function.apply(arguments))
    } catch {
      throw fault(
        "`\(function.rawValue)` \(error.reason)", position, length: function.rawValue.count)
    }
  }

  private func heading(of arguments: [JSONValue], _ function: TemplateFunction) -> JSONValue {
    // What is shown comes first, or last through a pipe: the one that is a heading.
    let headings = subject.value.object?.members.map(\.value) ?? []
    return arguments.first { headings.contains($0) } ?? arguments.first ?? .string("")
  }

  private func plain(_ value: Value) -> JSONValue {
    switch value {
    case .subject: subject.value
    case .plain(let value): value
    }
  }

  private func shown(_ value: Value) -> String { goText(plain(value)) }

  // MARK: - Bounds

  private mutating func write(_ text: String, at position: Int) throws(TemplateFault) {
    guard output.utf8.count + text.utf8.count <= Self.outputLimit else {
      throw fault("the template writes too much", position)
    }
    output += text
  }

  private mutating func count(_ position: Int) throws(TemplateFault) {
    steps += 1
    if steps > Self.stepLimit { throw fault("the template does too much", position) }
  }

  private func fault(_ message: String, _ position: Int, length: Int = 1) -> TemplateFault {
    TemplateFault(message: message, template: template.text, position: position, length: length)
  }
}
