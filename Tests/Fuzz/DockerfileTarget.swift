// Dockerfiles: what is read, and the words of what is read put together with variables.

import Diagnostics

@testable import Dockerfile

private let values: [String: String] = [
  "A": "a", "E": "", "P": "*", "S": "a b'c\"d\\e/f", "L": String(repeating: "l", count: 1 << 12),
]

func tryDockerfile(_ bytes: [UInt8]) {
  let lines = bytes.count { $0 == 0x0A } + 1
  let file: Dockerfile
  do {
    file = try parseDockerfile(bytes, name: "D")
  } catch let faults as Faults {
    require((1...100).contains(faults.diagnostics.count), "there are no faults, or too many")
    for fault in faults.diagnostics { requirePlace(fault, lines) }
    return
  } catch {
    fatalError("property violated: a fault has no place: \(error)")
  }
  require(!file.stages.isEmpty, "a file without stages is accepted")
  for warning in runChecks(file, source: bytes) { requirePlace(warning, lines) }
  let expansion = Expansion(escape: file.directives.escape)
  for argument in file.globalArguments { argument.value.map { tryWord($0, expansion, lines) } }
  for (index, stage) in file.stages.enumerated() {
    require(stage.index == index, "a stage has another's number")
    tryWord(stage.base, expansion, lines)
    for instruction in stage.instructions {
      require(
        instruction.lines.lowerBound >= 1 && instruction.lines.upperBound <= lines,
        "an instruction stands outside of its file")
      require(instruction.text.hasPrefix(instruction.name), "a text lacks its name")
      tryKind(instruction.kind, expansion, lines)
    }
  }
}

private func tryKind(_ kind: Instruction.Kind, _ expansion: Expansion, _ lines: Int) {
  switch kind {
  case .run(let run):
    require((run.shellText == nil) == run.command.isExec, "a shell has no text")
    for document in run.documents { tryDocument(document) }
    for mount in run.mounts {
      for field in mount.fields { field.value.map { tryWord($0, expansion, lines) } }
      do {
        _ = try mount.readingVariables(expansion) { values[$0] }
      } catch let faults as Faults {
        for fault in faults.diagnostics { requirePlace(fault, lines) }
      } catch {
        fatalError("property violated: a fault has no place: \(error)")
      }
    }
  case .copy(let copy):
    for word in copy.sources + [copy.destination] + copy.excludes {
      tryWord(word, expansion, lines)
    }
    for document in copy.documents { tryDocument(document) }
  case .environment(let pairs), .label(let pairs):
    for pair in pairs {
      tryWord(pair.name, expansion, lines)
      tryWord(pair.value, expansion, lines)
    }
  case .argument(let declarations):
    for declaration in declarations { declaration.value.map { tryWord($0, expansion, lines) } }
  case .user(let word), .workingDirectory(let word), .stopSignal(let word):
    tryWord(word, expansion, lines)
  case .volume(let words), .expose(let words):
    for word in words { tryWord(word, expansion, lines) }
  case .onBuild(let text): tryTrigger(text, expansion)
  case .command, .entrypoint, .shell, .healthcheck, .maintainer: break
  }
}

/// What an image is given as a trigger can be read from it again. Images do not keep the escape sign.
private func tryTrigger(_ text: String, _ expansion: Expansion) {
  do {
    _ = try parseTrigger(text, image: "i")
  } catch {
    require(expansion.escape != 0x5C, "a trigger cannot be read again: \(text)")
  }
}

private func tryWord(_ word: Word, _ expansion: Expansion, _ lines: Int) {
  require(
    word.span.line >= 1 && word.span.line <= lines && word.span.column >= 1
      && word.span.length >= 1, "a word stands outside of its file")
  let names = expansion.usedVariables(in: word)
  require(Set(names).count == names.count, "a name comes twice")
  do {
    var asked: Set<String> = []
    let text = try expansion.text(word) {
      asked.insert($0)
      return values[$0]
    }
    require(text.utf8.count <= word.text.utf8.count + largestGrowth, "a value grows too long")
    require(
      asked.allSatisfy { names.contains($0) || !isName($0) },
      "a variable is used that was not named")
    let words = try expansion.words(word) { values[$0] }
    require(words.allSatisfy { !$0.isEmpty }, "a word is empty")
  } catch let faults as Faults {
    for fault in faults.diagnostics { requirePlace(fault, lines) }
  } catch {
    fatalError("property violated: a fault has no place: \(error)")
  }
}

/// Shells also have parameters, such as `$1` and `$?`.
private func isName(_ text: String) -> Bool {
  text.unicodeScalars.first.map { $0 == "_" || $0.properties.isAlphabetic } == true
}

private func tryDocument(_ document: HereDocument) {
  guard let text = try? Expansion().document(document, { values[$0] }) else { return }
  require(
    text.utf8.count <= document.content.utf8.count + largestGrowth, "a document grows too long")
  if !document.expands { require(same(text, document.content), "a quoted document was changed") }
}

private func requirePlace(_ fault: Diagnostic, _ lines: Int) {
  let span = required(fault.span, "a fault has no place: \(fault.summary)")
  require(
    span.line >= 1 && span.line <= lines && span.column >= 1 && span.length >= 1,
    "a fault stands outside of its file: \(span)")
}

extension CommandForm {
  fileprivate var isExec: Bool {
    if case .exec = self { true } else { false }
  }
}
