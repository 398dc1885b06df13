// `COPY` and `ADD` (reference E55 to E64).

import Diagnostics

extension Statement {
  func copy() -> CopyInstruction? {
    var words: [(word: Word, document: HereDocument?)]
    switch form(of: rest) {
    case .exec(let given): words = given.map { ($0, nil) }
    case .shell: words = copyWords().map { (word($0.range), $0.document) }
    case .broken: return nil
    }
    guard words.count > 1, let last = words.popLast() else {
      report(
        words.isEmpty
          ? "`\(name)` requires at least two arguments"
          : "`\(name)` requires at least two arguments, but only one was provided: "
            + "destination could not be determined",
        at: rest.isEmpty ? nil : rest, hint: "write `\(name) SOURCE DESTINATION`")
      return nil
    }
    if last.document != nil {
      source.report(
        Faults([
          Diagnostic(
            "`\(name)` cannot accept a here-document as a destination", span: last.word.span)
        ]))
      return nil
    }
    var copy = CopyInstruction(
      isAdd: name == "ADD", sources: [], destination: checked(last.word))
    for (word, document) in words {
      if let document {
        guard document.isFileName else {
          report("the name `\(document.name)` of a here-document is no file name", at: nameRange)
          return nil
        }
        copy.documents.append(document)
      } else {
        copy.sources.append(checked(word))
      }
    }
    readCopyFlags(into: &copy)
    return copy
  }

  private func readCopyFlags(into copy: inout CopyInstruction) {
    copy.from = flags.text("from").flatMap { stageOrImage($0, of: "--from") }
      .flatMap { $0.text.isEmpty ? nil : $0 }
    copy.owner = flags.text("chown").map { checked(word($0)) }
    copy.mode = flags.text("chmod").map { checked(word($0)) }
    copy.isLink = flags.truth("link") ?? false
    copy.keepsParents = flags.truth("parents") ?? false
    copy.excludes = flags.texts("exclude").map { checked(word($0)) }
    copy.checksum = flags.text("checksum").map { checked(word($0)) }
    copy.keepsGitFolder = flags.truth("keep-git-dir") ?? false
    copy.unpacks = flags.truth("unpack")
  }

  /// What other stages and images are named by: variables would hide what depends on what (E33).
  func stageOrImage(_ flag: FlagText, of option: String) -> Word? {
    let range = flag.range ?? nameRange
    let dollar = flag.bytes.firstIndex(of: UInt8(ascii: "$"))
    if let dollar, dollar + 1 < flag.bytes.count {
      report(
        "variable expansion is not supported for `\(option)`", at: range,
        hint: "define a new stage with `FROM` using `ARG` from global scope, and name that stage")
      return nil
    }
    return word(flag)
  }

  /// Parts between blanks; `<< NAME` is one.
  private func copyWords() -> [(range: Range<Int>, document: HereDocument?)] {
    var words: [(range: Range<Int>, document: HereDocument?)] = []
    var announced = documents[...]
    for range in blankSeparated(rest) {
      // A part of a name that has blanks in it.
      if let last = words.last, range.lowerBound < last.range.upperBound { continue }
      if let next = announced.first, next.word.range.lowerBound == range.lowerBound {
        words.append((next.word.range, next.document))
        announced.removeFirst()
      } else {
        words.append((range, nil))
      }
    }
    return words
  }
}
