// `COPY` and `ADD` (reference E55 to E64).

import Diagnostics

extension Statement {
  func copy() -> CopyInstruction? {
    let isJSON: Bool
    var words: [(range: Range<Int>?, word: Word)]
    switch form(of: rest) {
    case .exec(let given):
      isJSON = true
      words = given.map { (nil, $0) }
    case .shell:
      isJSON = false
      words = copyWords().map { ($0, word($0)) }
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
    if !isJSON, let range = last.range, document(at: range) != nil {
      report("`\(name)` cannot accept a here-document as a destination", at: range)
      return nil
    }
    var copy = CopyInstruction(
      isAdd: name == "ADD", sources: [], destination: checked(last.word))
    for (range, word) in words {
      if let range, let document = document(at: range) {
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
    guard !flag.bytes.isEmpty else {
      report("`\(option)` names nothing", hint: "it is a stage, an image or a named context")
      return nil
    }
    return word(flag)
  }

  /// Parts between blanks; `<< NAME` is one.
  private func copyWords() -> [Range<Int>] {
    var words = blankSeparated(rest)
    for found in documents.map(\.word.range) {
      words.removeAll { $0.lowerBound > found.lowerBound && $0.lowerBound < found.upperBound }
      if let index = words.firstIndex(where: { $0.lowerBound == found.lowerBound }) {
        words[index] = found
      }
    }
    return words
  }

  private func document(at range: Range<Int>) -> HereDocument? {
    documents.first { $0.word.range == range }?.document
  }
}
