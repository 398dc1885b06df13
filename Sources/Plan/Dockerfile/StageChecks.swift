// Checks of `FROM`: names, bases and platforms of stages.

import Diagnostics

extension Checks {
  private static let reserved = ["context", "scratch"]

  /// - Parameter earlier: names of stages before it.
  mutating func checkName(of stage: Stage, after earlier: Set<String>) {
    checkKeywords(of: stage)
    guard let name = stage.name else { return }
    let span = stage.typedName?.span ?? stage.span
    if let typed = stage.typedName?.text, typed != name {
      report(
        .stageNameCasing, "the name of stage `\(typed)` is not in lower case", at: span,
        hint: "write `\(name)`: that is how it is known")
    }
    if Self.reserved.contains(name) {
      report(
        .reservedStageName, "`\(name)` has a meaning of its own and should name no stage", at: span,
        hint: "give the stage another name")
    }
    if earlier.contains(name) {
      report(
        .duplicateStageName, "the name `\(name)` belongs to an earlier stage already", at: span,
        hint: "give each stage a name of its own")
    }
  }

  private mutating func checkKeywords(of stage: Stage) {
    guard let keyword = stage.asKeyword else { return }
    let from = stage.fromKeyword
    let wanted: String
    switch from {
    case from.lowercased(): wanted = keyword.text.lowercased()
    case from.uppercased(): wanted = keyword.text.uppercased()
    default: return
    }
    guard keyword.text != wanted else { return }
    report(
      .fromAsCasing, "`\(keyword.text)` is not in the case of `\(from)`", at: keyword.span,
      hint: "write `\(wanted)`")
  }

  mutating func checkBase(of stage: Stage, _ scopes: StageScopes) {
    let names = checkDeclared(in: stage.base, scopes)
    guard !names.isEmpty, !scopes.isReference(scopes.base(of: stage)) else { return }
    report(
      .invalidDefaultArgInFrom, "without build arguments `\(stage.base.text)` names no image",
      at: stage.base.span, hint: "give each `ARG` in it a default")
  }

  /// The names of variables in a word of `FROM`; those that are declared nowhere are reported.
  private mutating func checkDeclared(in word: Word, _ scopes: StageScopes) -> [String] {
    let names = expansion.usedVariables(in: word)
    var places: [String: SourceSpan]?
    for name in names where !scopes.isGlobal(name) && wants(.undefinedArgInFrom) {
      let near = near(name, among: scopes.globalNames)
      report(
        .undefinedArgInFrom, "`$\(name)` is not declared before the first `FROM`",
        at: place(of: name, in: word, &places),
        hint: near.map { "did you mean `$\($0)`?" } ?? "write `ARG \(name)` above the first `FROM`")
    }
    return names
  }

  mutating func checkPlatform(of stage: Stage, _ scopes: StageScopes) {
    guard let platform = stage.platform else { return }
    let names = checkDeclared(in: platform, scopes)
    if names.isEmpty {
      checkConstant(platform, of: stage)
    } else if names == ["TARGETPLATFORM"], scopes.isWhole("TARGETPLATFORM", platform) {
      report(
        .redundantTargetPlatform, "`--platform=\(platform.text)` says what holds anyway",
        at: platform.span, hint: "leave it out")
    }
  }

  /// A stage that is named for its platform is meant to be for it alone.
  private mutating func checkConstant(_ platform: Word, of stage: Stage) {
    let parts = platform.text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count), parts.allSatisfy({ isPlatformPart($0) }) else { return }
    let typed = stage.typedName?.text ?? ""
    let names = parts.prefix(2).flatMap { platformNames(String($0)) }
    guard !names.contains(where: { typed.lowercased().contains($0) }) else { return }
    report(
      .fromPlatformFlagConstDisallowed,
      "this stage is for `\(platform.text)`, whatever platform is built for", at: platform.span,
      hint: "use a variable such as `$BUILDPLATFORM`, or name the stage for its platform")
  }

  private func isPlatformPart(_ part: Substring) -> Bool {
    !part.isEmpty
      && part.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// All the ways in which a part of a platform is written.
  private func platformNames(_ part: String) -> [String] {
    switch part.lowercased() {
    case "amd64", "x86_64", "x86-64": ["amd64", "x86_64", "x86-64"]
    case "arm64", "aarch64": ["arm64", "aarch64"]
    case "386", "i386": ["386"]
    case "arm", "armhf", "armel": ["arm"]
    case "darwin", "macos": ["darwin", "macos"]
    case let other: [other]
    }
  }

  /// The place of a variable in a word, or of the word where it cannot be told.
  /// - Parameter places: of all variables in that word, once they were looked for.
  func place(
    of name: String, in word: Word, _ places: inout [String: SourceSpan]?
  ) -> SourceSpan {
    let known = places ?? self.places(in: word)
    places = known
    return known[name] ?? word.span
  }

  /// Where each variable of a word stands first.
  private func places(in word: Word) -> [String: SourceSpan] {
    let text = Array(word.text.unicodeScalars)
    // A word that goes on over lines has the span of its first.
    guard word.span.length == text.count else { return [:] }
    var places: [String: SourceSpan] = [:]
    for index in text.indices where text[index] == "$" {
      let isBraced = index + 1 < text.count && text[index + 1] == "{"
      let start = index + (isBraced ? 2 : 1)
      var end = min(start, text.count)
      while end < text.count, isPartOfVariable(text[end]) { end += 1 }
      var name = String.UnicodeScalarView()
      name.append(contentsOf: text[min(start, end)..<end])
      guard !name.isEmpty, places[String(name)] == nil else { continue }
      var span = word.span
      span.column += index
      span.length = end - index + (isBraced && end < text.count && text[end] == "}" ? 1 : 0)
      places[String(name)] = span
    }
    return places
  }
}
