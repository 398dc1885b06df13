// Checks of the instructions of a stage, one at a time, with what holds where they stand.

import Diagnostics

/// Words in a name that make it one of a secret, and words that take that back.
private let secretWords: Set<String> = [
  "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret",
  "token",
]
private let harmlessWords: Set<String> = ["public", "file", "version"]

extension Checks {
  /// - Parameter scope: what holds before it; then what holds behind it.
  mutating func check(_ instruction: Instruction, in scope: inout StageScope) {
    switch instruction.kind {
    case .maintainer:
      report(
        .maintainerDeprecated, "`MAINTAINER` is an instruction of the past", at: instruction.span,
        hint: "write `LABEL org.opencontainers.image.authors=\"…\"`")
    case .command(let form), .entrypoint(let form): check(form, instruction, scope)
    case .workingDirectory(let word): checkDirectory(word, scope)
    case .environment(let assignments), .label(let assignments):
      checkAssignments(assignments, of: instruction)
    case .argument(let declarations):
      for declaration in declarations {
        checkSecret(declaration.name, "ARG", at: declaration.span)
      }
    case .copy(let copy): checkIgnored(copy, scope)
    case .expose(let words):
      for word in words { checkPort(word, scope) }
    default: break
    }
    checkVariables(of: instruction, &scope)
    scope.apply(instruction)
  }

  /// Of these only the last in a stage counts.
  mutating func checkRepetitions(in stage: Stage) {
    for name in ["CMD", "ENTRYPOINT", "HEALTHCHECK"] {
      let all = stage.instructions.filter { $0.name == name }
      for (earlier, later) in zip(all, all.dropFirst()) {
        report(
          .multipleInstructionsDisallowed,
          "this `\(name)` comes to nothing: line \(later.span.line) has another", at: earlier.span,
          hint: "only the last `\(name)` of a stage counts: take this one out")
      }
    }
  }

  private mutating func check(
    _ form: CommandForm, _ instruction: Instruction, _ scope: StageScope
  ) {
    guard case .shell(let text) = form, !scope.hasShell else { return }
    if text.hasPrefix("[") {
      report(
        .jsonArgsRecommended,
        "`\(instruction.name)` begins as a list and is no list of JSON: a shell is given all of it",
        at: instruction.span,
        hint: "write `\(instruction.name) [\"program\", \"argument\"]`: "
          + "each part in double quotes, commas between them")
      return
    }
    report(
      .jsonArgsRecommended, "`\(instruction.name)` starts a shell, which keeps signals to itself",
      at: instruction.span,
      hint: "write it as `\(instruction.name) [\"program\", \"argument\"]`, or say `SHELL` before")
  }

  private mutating func checkDirectory(_ word: Word, _ scope: StageScope) {
    guard !scope.hasDirectory, let path = scope.value(word), path.first != "/" else { return }
    report(
      .workdirRelativePath, "where `\(path)` is depends on the base image", at: word.span,
      hint: "begin it with `/`")
  }

  private mutating func checkAssignments(_ assignments: [Assignment], of instruction: Instruction) {
    for assignment in assignments {
      if assignment.isLegacy {
        report(
          .legacyKeyValueFormat, "`\(instruction.name)` without `=` is an old form",
          at: instruction.span, hint: "write `\(instruction.name) \(assignment.name.text)=…`")
      }
      if case .environment = instruction.kind {
        checkSecret(assignment.name.text, "ENV", at: assignment.name.span)
      }
    }
  }

  private mutating func checkSecret(_ name: String, _ instruction: String, at span: SourceSpan) {
    let words = Set(name.lowercased().split(separator: "_").map(String.init))
    guard !words.isDisjoint(with: secretWords), words.isDisjoint(with: harmlessWords) else {
      return
    }
    report(
      .secretsUsedInArgOrEnv,
      "`\(instruction)` leaves the secret `\(name)` where everybody with the image can read it",
      at: span, hint: "hand it to the steps that need it: `RUN --mount=type=secret,id=…`")
  }

  private mutating func checkIgnored(_ copy: CopyInstruction, _ scope: StageScope) {
    // With exceptions, part of a folder that is left out may well be there.
    guard copy.from == nil, let rules = knowledge.ignoreRules, !rules.hasExceptions else { return }
    for source in copy.sources {
      guard let path = scope.value(source), !isRemote(path) else { continue }
      let names = path.split(separator: "/").filter { $0 != "." }
      guard !names.contains(".."), rules.excludes(Array(names.joined(separator: "/").utf8)) else {
        continue
      }
      report(
        .copyIgnoredFile, "`\(path)` is left out of the build's context by its ignore file",
        at: source.span, hint: "bring it back with a last line `!\(names.joined(separator: "/"))`")
    }
  }

  private func isRemote(_ source: String) -> Bool {
    source.contains("://") || source.hasPrefix("git@") || source.hasPrefix("github.com/")
  }

  private mutating func checkPort(_ word: Word, _ scope: StageScope) {
    guard let text = scope.text(word, placeholder: "1") else { return }
    for port in text.split(separator: " ") {
      let parts = port.split(separator: ":", omittingEmptySubsequences: false)
      if parts.count > 1 {
        report(
          .exposeInvalidFormat, "`\(word.text)` says more than a port of the container",
          at: word.span,
          hint: "write `\(parts.last ?? port)`: ports of the host are chosen where it is run")
      }
      guard let slash = port.firstIndex(of: "/") else { continue }
      let kind = port[slash...]
      guard kind != kind.lowercased() else { continue }
      report(
        .exposeProtoCasing, "the protocol of `\(word.text)` is not in lower case", at: word.span,
        hint: "write `\(kind.dropFirst().lowercased())`")
    }
  }

  // MARK: Variables

  private mutating func checkVariables(of instruction: Instruction, _ scope: inout StageScope) {
    var seen: Set<String> = []
    if case .argument(let declarations) = instruction.kind {
      for declaration in declarations {
        if let value = declaration.value { checkVariables(in: value, scope, &seen) }
        // The next on the line may use it.
        scope.declare(declaration)
      }
      return
    }
    for word in instruction.expandedWords { checkVariables(in: word, scope, &seen) }
    guard case .copy(let copy) = instruction.kind else { return }
    for name in copy.documents.flatMap({ expansion.usedVariables(in: $0) }) {
      checkVariable(name, scope, &seen) { _ in instruction.span }
    }
  }

  private mutating func checkVariables(
    in word: Word, _ scope: StageScope, _ seen: inout Set<String>
  ) {
    guard wants(.undefinedVar) else { return }
    var places: [String: SourceSpan]?
    for name in expansion.usedVariables(in: word) {
      checkVariable(name, scope, &seen) { checks in checks.place(of: name, in: word, &places) }
    }
  }

  /// Each name once an instruction. Where it is not known what the base image sets, only what looks
  /// like a mistake is told.
  private mutating func checkVariable(
    _ name: String, _ scope: StageScope, _ seen: inout Set<String>, _ place: (Checks) -> SourceSpan
  ) {
    guard wants(.undefinedVar), !scope.isLost, !scope.isSet(name), seen.insert(name).inserted else {
      return
    }
    let isGlobal = scope.globalNames.contains(name) || scope.globals[name] != nil
    // Where the image's own variables are not known, a name that is longer, such as GOPATH, may be one of them.
    let near = near(name, among: scope.names.sorted()).flatMap { near in
      scope.isComplete || !(name.contains(near) || near.contains(name)) ? near : nil
    }
    guard scope.isComplete || isGlobal || near != nil else { return }
    let hint =
      isGlobal
      ? "write `ARG \(name)` in this stage to use it"
      : near.map { "did you mean `$\($0)`?" } ?? "declare it with `ARG \(name)` or `ENV \(name)=…`"
    report(.undefinedVar, "`$\(name)` is not set here", at: place(self), hint: hint)
  }
}

extension Instruction {
  /// The words that variables are put into while an image is built, but for those of `ARG`.
  fileprivate var expandedWords: [Word] {
    switch kind {
    case .run(let run): run.mounts.flatMap { [$0.target, $0.source, $0.id].compactMap { $0 } }
    case .copy(let copy):
      copy.sources + [copy.destination]
        + [copy.owner, copy.mode, copy.checksum].compactMap { $0 } + copy.excludes
    case .environment(let assignments), .label(let assignments):
      assignments.flatMap { [$0.name, $0.value] }
    case .user(let word), .workingDirectory(let word), .stopSignal(let word): [word]
    case .volume(let words), .expose(let words): words
    case .argument, .command, .entrypoint, .shell, .healthcheck, .onBuild, .maintainer: []
    }
  }
}
