// A Dockerfile's text read as stages of instructions (reference E22 to E64). Every fault is collected.

package import Diagnostics

/// A Dockerfile may not be larger.
private let largestFile = 4 << 20

/// Reads a Dockerfile.
///
/// - Parameters:
///   - name: the file's name for messages.
///   - look: finds what else is wrong with it, so that it is told with the rest.
/// - Throws: `Faults`: all of the file at once, each with its place.
package func parseDockerfile(
  _ bytes: [UInt8], name: String, look: (Dockerfile) -> [Diagnostic] = { _ in [] }
) throws -> Dockerfile {
  guard bytes.count <= largestFile else {
    throw Faults([
      Diagnostic(
        "the Dockerfile has \(bytes.count) bytes: more than \(largestFile >> 20) MiB are not read",
        span: SourceSpan(file: name, line: 1, column: 1))
    ])
  }
  let source = SourceText(bytes: withoutByteOrderMark(bytes), name: name)
  var parser = DockerfileParser(source)
  let file = parser.read()
  source.report(Faults(look(file)))
  guard source.faults.isEmpty else { throw Faults(source.orderedFaults) }
  return file
}

/// Reads a trigger that an image holds (reference E43).
///
/// - Parameters:
///   - text: what stood behind `ONBUILD`, its here-documents below it.
///   - image: its name for messages.
/// - Throws: `Faults`.
package func parseTrigger(_ text: String, image: String) throws -> Instruction {
  guard text.utf8.count <= largestFile else {
    throw Faults([Diagnostic("an `ONBUILD` trigger of `\(image)` is larger than a Dockerfile")])
  }
  let source = SourceText(bytes: Array(text.utf8), name: "ONBUILD of \(image)")
  var parser = DockerfileParser(source)
  let instruction = parser.readTrigger()
  guard source.faults.isEmpty, let instruction else {
    throw Faults(
      source.faults.isEmpty
        ? [Diagnostic("an `ONBUILD` trigger of `\(image)` is empty")] : source.faults)
  }
  return instruction
}

private struct DockerfileParser {
  let source: SourceText
  var lines: LogicalLines
  var stages: [Stage] = []
  var globalArguments: [ArgumentDeclaration] = []
  var emptyContinuations: [Int] = []
  /// Whether a `FROM` has been met, be it faulty.
  var hasStage = false
  var hasInstruction = false
  var saidThatStageLacks = false

  init(_ source: SourceText) {
    self.source = source
    lines = LogicalLines(source)
  }

  mutating func read() -> Dockerfile {
    while !source.isFull, let line = lines.next() { read(line) }
    if source.faults.isEmpty, !hasStage {
      if hasInstruction {
        source.report("the Dockerfile contains no stages to build", hint: "write a `FROM` first")
      } else {
        source.report("file with no instructions")
      }
    }
    var file = Dockerfile(
      name: source.name, directives: lines.directives.found, globalArguments: globalArguments,
      stages: stages, warnings: [])
    file.emptyContinuations = emptyContinuations
    return file
  }

  mutating func readTrigger() -> Instruction? {
    guard let line = lines.next(), let statement = statement(line), isTrigger(statement),
      let kind = statement.kind()
    else { return nil }
    if let next = lines.next() {
      source.report("an `ONBUILD` trigger is a single instruction", at: next.place(0..<1))
    }
    return instruction(statement, kind)
  }

  private mutating func read(_ line: LogicalLine) {
    hasInstruction = true
    emptyContinuations += line.emptyContinuations
    guard let statement = statement(line) else { return }
    if statement.name == "FROM" {
      hasStage = true
      // A faulty stage still has instructions, whose faults are told as well.
      stages.append(
        statement.stage(index: stages.count)
          ?? Stage(
            index: stages.count, name: nil, base: Word("", span: statement.nameSpan),
            platform: nil, instructions: [], span: statement.nameSpan))
      return
    }
    if !hasStage, statement.name == "ARG" {
      globalArguments += statement.arguments() ?? []
      return
    }
    let kind = statement.name == "ONBUILD" ? trigger(statement) : statement.kind()
    guard hasStage else { return sayThatStageLacks(statement) }
    if let kind { stages[stages.count - 1].instructions.append(instruction(statement, kind)) }
  }

  private mutating func sayThatStageLacks(_ statement: Statement) {
    guard !saidThatStageLacks else { return }
    saidThatStageLacks = true
    statement.report(
      "no build stage in current context: `\(statement.name)` stands before the first `FROM`",
      hint: "only `ARG` can stand before `FROM`")
  }

  /// An instruction with flags and here-documents; nil where its name or its signs are not known.
  private mutating func statement(_ line: LogicalLine) -> Statement? {
    if refusesNUL(line.text, { line.offset($0) }) { return nil }
    if let offset = firstForeignByte(line.text) {
      source.report(
        "the line holds a byte that is not UTF-8", at: line.place(offset..<(offset + 1)))
      return nil
    }
    var statement = Statement(line, in: 0..<line.text.count, of: source, escape: lines.escape)
    guard statement.isKnown else {
      statement.reportUnknown()
      return nil
    }
    statement.readFlags()
    if statement.flags.isBroken { return nil }
    takeDocuments(of: &statement)
    return statement
  }

  /// Whether it was found that the whole is no text.
  private func refusesNUL<Bytes: RandomAccessCollection<UInt8>>(
    _ bytes: Bytes, _ offset: (Int) -> Int
  ) -> Bool where Bytes.Index == Int {
    guard let index = bytes.firstIndex(of: 0) else { return false }
    let place = offset(index)
    let isWide =
      source.bytes.starts(with: [0xFF, 0xFE]) || source.bytes.starts(with: [0xFE, 0xFF])
    source.refuse(
      "it is no text: line \(source.lineIndex(of: place) + 1) holds a NUL",
      at: place..<(place + 1), hint: isWide ? "it is UTF-16: save it as UTF-8" : nil)
    return true
  }

  private func isTrigger(_ statement: Statement) -> Bool {
    switch statement.name {
    case "ONBUILD":
      statement.report("chaining `ONBUILD` via `ONBUILD ONBUILD` isn't allowed")
      return false
    case "FROM", "MAINTAINER":
      statement.report("`\(statement.name)` isn't allowed as an `ONBUILD` trigger")
      return false
    default: return true
    }
  }

  /// The text behind `ONBUILD`, which must be an instruction itself.
  private mutating func trigger(_ statement: Statement) -> Instruction.Kind? {
    guard !statement.rest.isEmpty else {
      statement.report("`ONBUILD` requires at least one argument")
      return nil
    }
    var inner = Statement(
      statement.line, in: statement.rest, of: source, escape: statement.escape)
    guard inner.isKnown else {
      inner.reportUnknown()
      return nil
    }
    guard isTrigger(inner) else { return nil }
    inner.readFlags()
    if inner.flags.isBroken { return nil }
    takeDocuments(of: &inner)
    guard inner.kind() != nil else { return nil }
    var text = statement.text(statement.rest)
    for document in inner.documents.map(\.document) {
      text += "\n\(document.content)\(document.name)"
    }
    return .onBuild(text)
  }

  /// Reads the here-documents that an instruction announces from the lines below it.
  private mutating func takeDocuments(of statement: inout Statement) {
    guard ["RUN", "COPY", "ADD"].contains(statement.name), !statement.isExec else { return }
    let text = statement.line.text
    for word in hereDocumentWords(in: text) {
      guard let found = lines.document(until: word.name, stripsTabs: word.stripsTabs) else {
        reportUnterminated(word, statement)
        return
      }
      var content: [UInt8] = []
      for line in found {
        if refusesNUL(source.bytes[line], { $0 }) { break }
        if let offset = firstForeignByte(source.bytes[line]) {
          source.report(
            "the here-document holds a byte that is not UTF-8", at: offset..<(offset + 1))
          break
        }
        content += source.bytes[line]
      }
      statement.documents.append(
        (
          word,
          HereDocument(
            name: String(decoding: word.name, as: UTF8.self),
            content: String(decoding: content, as: UTF8.self), expands: !word.isQuoted,
            stripsTabs: word.stripsTabs)
        ))
    }
  }

  private func reportUnterminated(_ word: HereDocumentWord, _ statement: Statement) {
    let name = String(decoding: word.name, as: UTF8.self)
    let near = (statement.line.lines.upperBound + 1..<max(lines.last + 1, 1)).first {
      source.bytes[trimmed(source.line($0), source.bytes)].elementsEqual(word.name)
    }
    let hint: String? =
      if let near {
        "line \(near + 1) ends it only without blanks around the name"
          + (word.stripsTabs ? ", tabs before it apart" : "; with `<<-` tabs may stand before it")
      } else if name.contains(where: { ">|;&)".contains($0) }) {
        "put a blank between the name and what follows it"
      } else {
        nil
      }
    statement.report(
      "unterminated heredoc: no line below says `\(name)` alone", at: word.range, hint: hint)
  }

  private func instruction(_ statement: Statement, _ kind: Instruction.Kind) -> Instruction {
    var text = statement.shownText
    if case .run(let run) = kind, let document = run.loneDocument {
      text += " (\(document.summary))"
    }
    let first = statement.line.lines.lowerBound
    var instruction = Instruction(
      name: statement.name, kind: kind, text: text, span: statement.firstLineSpan,
      lines: (first + 1)...(max(first, lines.last) + 1))
    instruction.typedName = statement.typedName
    return instruction
  }
}

/// The first byte that is not UTF-8.
private func firstForeignByte<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes) -> Int?
where Bytes.Index == Int {
  guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
  var at = bytes.startIndex
  while at < bytes.endIndex {
    let length =
      switch bytes[at] {
      case 0x00...0x7F: 1
      case 0xC0...0xDF: 2
      case 0xE0...0xEF: 3
      default: 4
      }
    let end = min(at + length, bytes.endIndex)
    if String(validating: bytes[at..<end], as: UTF8.self) == nil { return at }
    at = end
  }
  return nil
}
