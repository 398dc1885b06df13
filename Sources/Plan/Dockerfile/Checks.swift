// What `build --check` tells: things that a Dockerfile may say but better would not (reference E45).

package import Diagnostics

/// The checks, by the names that docker gives them: people leave them out by these.
package enum Check: String, CaseIterable, Sendable {
  case stageNameCasing = "StageNameCasing"
  case fromAsCasing = "FromAsCasing"
  case noEmptyContinuation = "NoEmptyContinuation"
  case consistentInstructionCasing = "ConsistentInstructionCasing"
  case duplicateStageName = "DuplicateStageName"
  case reservedStageName = "ReservedStageName"
  case jsonArgsRecommended = "JSONArgsRecommended"
  case maintainerDeprecated = "MaintainerDeprecated"
  case undefinedArgInFrom = "UndefinedArgInFrom"
  case workdirRelativePath = "WorkdirRelativePath"
  case undefinedVar = "UndefinedVar"
  case multipleInstructionsDisallowed = "MultipleInstructionsDisallowed"
  case legacyKeyValueFormat = "LegacyKeyValueFormat"
  case redundantTargetPlatform = "RedundantTargetPlatform"
  case secretsUsedInArgOrEnv = "SecretsUsedInArgOrEnv"
  case invalidDefaultArgInFrom = "InvalidDefaultArgInFrom"
  case fromPlatformFlagConstDisallowed = "FromPlatformFlagConstDisallowed"
  case copyIgnoredFile = "CopyIgnoredFile"
  case invalidDefinitionDescription = "InvalidDefinitionDescription"
  case exposeProtoCasing = "ExposeProtoCasing"
  case exposeInvalidFormat = "ExposeInvalidFormat"

  /// Comments above stages are nobody's business unless they are asked for.
  fileprivate var isStandard: Bool { self != .invalidDefinitionDescription }
}

/// What checks may know beside the file. Without it they tell less, never more.
package struct CheckKnowledge: Sendable {
  /// Of the build's context; nil looks at no paths.
  package var ignoreRules: IgnoreRules?
  /// The names of variables that the base image of a stage sets, by the index of the stage.
  package var environments: [Int: Set<String>] = [:]

  package init() {}

  /// Looks up what the images that stages begin with set.
  ///
  /// - Parameters:
  ///   - arguments: what is given from outside, by name.
  ///   - variables: the names of an image's variables by its name; nil where it is not here.
  package mutating func look(
    at dockerfile: Dockerfile, arguments: [String: String],
    _ variables: (String) throws -> Set<String>?
  ) rethrows {
    let scopes = StageScopes(dockerfile, arguments: arguments)
    for stage in dockerfile.stages {
      guard let base = scopes.base(of: stage), scopes.isReference(base) else { continue }
      environments[stage.index] = try variables(base)
    }
  }
}

/// Warnings in the order of the file, each with the check's name as its code. Those that the file's
/// `# check=skip=…` names are left out.
///
/// - Parameter source: the bytes of the file, for the lines that are shown.
package func runChecks(
  _ dockerfile: Dockerfile, source: [UInt8], knowledge: CheckKnowledge = CheckKnowledge()
) -> [Diagnostic] {
  guard !skips(dockerfile.directives, "all") else { return [] }
  var checks = Checks(dockerfile, source: source, knowledge: knowledge)
  checks.checkCasing()
  checks.checkContinuations()
  var scopes = StageScopes(dockerfile, environments: knowledge.environments)
  var names: Set<String> = []
  for stage in dockerfile.stages {
    checks.checkName(of: stage, after: names)
    stage.name.map { _ = names.insert($0) }
    checks.checkBase(of: stage, scopes)
    checks.checkPlatform(of: stage, scopes)
    checks.checkDescription(of: stage)
    checks.checkRepetitions(in: stage)
    var scope = scopes.scope(of: stage)
    for instruction in stage.instructions { checks.check(instruction, in: &scope) }
    scopes.end(stage, scope)
  }
  for argument in dockerfile.globalArguments {
    checks.checkDescription(of: [argument.name], "ARG", line: argument.span.line, at: argument.span)
  }
  return checks.ordered
}

private func skips(_ directives: Directives, _ name: String) -> Bool {
  directives.skippedChecks.contains { $0.lowercased() == name.lowercased() }
}

struct Checks {
  /// Nobody reads more warnings than these of one file; of each check no more are made.
  private static let most = 100
  /// For so many names others that are near are looked for.
  private static let mostSearches = 100
  /// A line that is longer is not shown.
  private static let longestExcerpt = 1_000

  let dockerfile: Dockerfile
  let knowledge: CheckKnowledge
  let expansion: Expansion
  private let lines: [ArraySlice<UInt8>]
  private let skipped: Set<Check>
  private var found: [Diagnostic] = []
  private var counts: [Check: Int] = [:]
  private var searches = 0

  init(_ dockerfile: Dockerfile, source: [UInt8], knowledge: CheckKnowledge) {
    self.dockerfile = dockerfile
    self.knowledge = knowledge
    expansion = Expansion(escape: dockerfile.directives.escape)
    lines = source.split(separator: 0x0A, omittingEmptySubsequences: false)
    let asked = dockerfile.directives.askedChecks.map { $0.lowercased() }
    skipped = Set(
      Check.allCases.filter { check in
        let isAsked = asked.contains("all") || asked.contains(check.rawValue.lowercased())
        return skips(dockerfile.directives, check.rawValue) || !(check.isStandard || isAsked)
      })
  }

  var ordered: [Diagnostic] {
    let places = found.enumerated().sorted { left, right in
      (left.element.span?.line ?? 0, left.element.span?.column ?? 0, left.offset)
        < (right.element.span?.line ?? 0, right.element.span?.column ?? 0, right.offset)
    }
    return places.prefix(Self.most).map(\.element)
  }

  /// Whether it is worth the while to look at what a check would say.
  func wants(_ check: Check) -> Bool {
    !skipped.contains(check) && counts[check, default: 0] < Self.most
  }

  /// A name much like this one; nil also where many were looked for.
  mutating func near(_ name: String, among names: [String]) -> String? {
    guard searches < Self.mostSearches else { return nil }
    searches += 1
    return nearest(to: name, among: names)
  }

  mutating func report(
    _ check: Check, _ summary: String, at span: SourceSpan, hint: String? = nil
  ) {
    guard wants(check) else { return }
    counts[check, default: 0] += 1
    found.append(
      Diagnostic(
        summary, severity: .warning, code: check.rawValue, span: span,
        excerpt: line(span.line).flatMap { $0.count <= Self.longestExcerpt ? $0 : nil }, hint: hint)
    )
  }

  /// A line of the file, without its end; they count from 1.
  func line(_ number: Int) -> String? {
    guard lines.indices.contains(number - 1) else { return nil }
    var line = lines[number - 1]
    if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
    if line.last == 0x0D { line = line.dropLast() }
    return String(decoding: line, as: UTF8.self)
  }

  // MARK: How it is written

  /// Instructions in the case of most of them, each in one case throughout.
  mutating func checkCasing() {
    let written = dockerfile.stages.flatMap { stage in
      [(stage.fromKeyword, stage.span)] + stage.instructions.map { ($0.typedName, $0.span) }
    }
    let lower = written.count { $0.0 == $0.0.lowercased() }
    let upper = written.count { $0.0 == $0.0.uppercased() }
    for (name, span) in written where wants(.consistentInstructionCasing) {
      let wanted = lower > upper ? name.lowercased() : name.uppercased()
      guard name != wanted else { continue }
      var place = span
      place.length = name.unicodeScalars.count
      report(
        .consistentInstructionCasing, "`\(name)` is not in the case of most instructions",
        at: place, hint: "write `\(wanted)`")
    }
  }

  /// One warning for each run of blank lines.
  mutating func checkContinuations() {
    var previous = 0
    for number in dockerfile.emptyContinuations.sorted() {
      defer { previous = number }
      guard number != previous + 1 else { continue }
      report(
        .noEmptyContinuation, "an instruction goes on over an empty line",
        at: SourceSpan(file: dockerfile.name, line: number, column: 1),
        hint: "take the line out, or begin it with `#`: one day it will be an error")
    }
  }

  /// The comment right above an instruction is taken for the description of what it declares.
  mutating func checkDescription(of stage: Stage) {
    if let name = stage.name {
      let names = [name, stage.typedName?.text ?? name]
      checkDescription(of: names, "FROM", line: stage.span.line, at: stage.span)
    }
    for case let instruction in stage.instructions {
      guard case .argument(let declarations) = instruction.kind else { continue }
      checkDescription(
        of: declarations.map(\.name), "ARG", line: instruction.lines.lowerBound,
        at: instruction.span)
    }
  }

  mutating func checkDescription(
    of names: [String], _ instruction: String, line number: Int, at span: SourceSpan
  ) {
    guard let line = line(number - 1), let name = names.first else { return }
    let above = line.drop { $0 == " " || $0 == "\t" }
    guard above.first == "#" else { return }
    let comment = above.dropFirst().drop { $0 == " " || $0 == "\t" }
    let words = comment.split(separator: " ", omittingEmptySubsequences: false)
    guard let first = words.first, !names.contains(String(first)) else { return }
    let key = first.prefix { $0 != "=" }.lowercased()
    let isDirective = ["syntax", "escape", "check"].contains(key) && comment.contains("=")
    guard !isDirective else { return }
    report(
      .invalidDefinitionDescription,
      "the comment above this `\(instruction)` does not begin with `\(name)`", at: span,
      hint: "write `# \(name) …`, or leave a line free between them")
  }
}
