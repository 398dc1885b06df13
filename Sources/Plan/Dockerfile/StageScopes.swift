// What variables stand for, as far as a Dockerfile tells without its images and build arguments.

/// Variables of `FROM`, and what each stage hands on to those that begin with it.
struct StageScopes {
  private let dockerfile: Dockerfile
  private let expansion: Expansion
  private let environments: [Int: Set<String>]
  /// With the defaults that the file gives.
  private var globals: [String: String]
  private let declared: Set<String>
  /// Of variables for `FROM`, sorted.
  let globalNames: [String]
  private var ended: [String: StageScope] = [:]
  /// Variables that stages have begun with, all together.
  private var inherited = 0
  /// Nobody's stages hand on more.
  private static let mostInherited = 100_000

  /// Declared without a word, as of some platform; what it is does not matter.
  private static let platformArguments = [
    "BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDOSVERSION": "",
    "BUILDARCH": "amd64", "BUILDVARIANT": "", "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux", "TARGETOSVERSION": "", "TARGETARCH": "amd64", "TARGETVARIANT": "",
    "TARGETSTAGE": "default",
  ]

  /// - Parameter arguments: what is given from outside, by name.
  init(
    _ dockerfile: Dockerfile, environments: [Int: Set<String>] = [:],
    arguments: [String: String] = [:]
  ) {
    self.dockerfile = dockerfile
    self.environments = environments
    expansion = Expansion(escape: dockerfile.directives.escape)
    var globals = Self.platformArguments
    declared = Set(dockerfile.globalArguments.map(\.name))
    for argument in dockerfile.globalArguments {
      if let given = arguments[argument.name] {
        globals[argument.name] = given
        continue
      }
      // A value that cannot be known is like none.
      guard let value = argument.value, let text = try? expansion.text(value, { globals[$0] }),
        text.utf8.count <= longestValue
      else { continue }
      globals[argument.name] = text
    }
    self.globals = globals
    globalNames = declared.union(globals.keys).sorted()
  }

  func isGlobal(_ name: String) -> Bool { declared.contains(name) || globals[name] != nil }

  /// Nil where it cannot be known.
  func base(of stage: Stage) -> String? {
    // Faults in it have been told by the parser.
    try? expansion.text(stage.base) { globals[$0] }
  }

  /// Whether a word is this variable and nothing else.
  func isWhole(_ name: String, _ word: Word) -> Bool {
    let mark = "\u{1}"
    // Faults in it have been told by the parser.
    return (try? expansion.text(word) { $0 == name ? mark : nil }) == mark
  }

  /// Whether something can be the name of an image or of a stage: `[host/]path[:tag][@digest]`.
  func isReference(_ text: String?) -> Bool {
    guard let text, !text.isEmpty, text.utf8.count <= 512 else { return false }
    let whole = text.split(separator: "@", omittingEmptySubsequences: false)
    guard whole.count <= 2, let name = whole.first else { return false }
    if whole.count == 2 {
      guard whole[1].contains(":"), isMade(whole[1], of: ":+._-"), whole[1].last != ":" else {
        return false
      }
    }
    var path = name.split(separator: "/", omittingEmptySubsequences: false)
    guard let last = path.popLast() else { return false }
    let tagged = last.split(separator: ":", omittingEmptySubsequences: false)
    guard tagged.count <= 2, let repository = tagged.first else { return false }
    if tagged.count == 2, tagged[1].isEmpty || !isMade(tagged[1], of: "_.-") { return false }
    let host = path.first.flatMap { part in
      part.contains(".") || part.contains(":") || part == "localhost" ? part : nil
    }
    let components = path.dropFirst(host == nil ? 0 : 1) + [repository]
    return components.allSatisfy { part in
      isMade(part, of: "_.-") && part == part.lowercased() && part.first?.isLetterOrDigit == true
        && part.last?.isLetterOrDigit == true
    } && host.map { isMade($0, of: ".:-[]") } ?? true
  }

  /// Of letters, digits and these.
  private func isMade(_ text: Substring, of others: String) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isLetterOrDigit || others.contains($0) }
  }

  /// What holds at the beginning of a stage.
  mutating func scope(of stage: Stage) -> StageScope {
    let base = base(of: stage)
    let earlier = base.flatMap { ended[$0.lowercased()] }
    inherited += earlier?.variables.count ?? 0
    if earlier != nil, inherited > Self.mostInherited { return .lost(expansion) }
    var scope =
      earlier
      ?? StageScope(
        expansion: expansion, environment: base == "scratch" ? [] : environments[stage.index])
    scope.globals = globals
    scope.globalNames = declared
    return scope
  }

  mutating func end(_ stage: Stage, _ scope: StageScope) {
    if let name = stage.name { ended[name] = scope }
  }
}

extension Character {
  fileprivate var isLetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}

/// Bytes of a value that is kept: what is longer is like one that is not known.
private let longestValue = 512

/// What holds at one place in a stage.
struct StageScope {
  /// Among more names nobody looks for one that is near.
  private static let mostNames = 1_000

  private let expansion: Expansion
  /// Nil: set, to a value that is not known.
  private(set) var variables: [String: String?] = [:]
  /// Of the first variables.
  private(set) var names: [String] = []
  /// Whether nothing can be said of variables.
  private(set) var isLost = false
  /// Whether nothing but `variables` can be set: false for images that were not looked at.
  let isComplete: Bool
  fileprivate(set) var globals: [String: String] = [:]
  fileprivate(set) var globalNames: Set<String> = []
  /// Whether a `WORKDIR` or `SHELL` stands before.
  private(set) var hasDirectory = false
  private(set) var hasShell = false

  fileprivate init(expansion: Expansion, environment: Set<String>?) {
    self.expansion = expansion
    isComplete = environment != nil
    for name in (environment ?? []).sorted() { set(name, nil) }
    set("PATH", nil)
  }

  fileprivate static func lost(_ expansion: Expansion) -> StageScope {
    var scope = StageScope(expansion: expansion, environment: nil)
    scope.isLost = true
    return scope
  }

  private mutating func set(_ name: String, _ value: String?) {
    let kept = value.flatMap { $0.utf8.count <= longestValue ? $0 : nil }
    let isNew = variables.updateValue(kept, forKey: name) == nil
    if isNew, names.count < Self.mostNames { names.append(name) }
  }

  func isSet(_ name: String) -> Bool { variables[name] != nil }

  /// The word with what is known put in, and `placeholder` for the rest; nil where it cannot be read.
  func text(_ word: Word, placeholder: String) -> String? {
    // Faults in it have been told by the parser.
    try? expansion.text(word) { (variables[$0] ?? nil) ?? placeholder }
  }

  /// The word's value; nil where it is not known.
  func value(_ word: Word) -> String? {
    let isKnown = expansion.usedVariables(in: word).allSatisfy { name in
      variables[name].map { $0 != nil } ?? isComplete
    }
    guard isKnown else { return nil }
    // Faults in it have been told by the parser.
    return try? expansion.text(word) { variables[$0] ?? nil }
  }

  mutating func apply(_ instruction: Instruction) {
    switch instruction.kind {
    case .argument(let declarations):
      for declaration in declarations { declare(declaration) }
    case .environment(let assignments):
      // All values of a line are those from before it.
      let values = assignments.map { (value($0.name) ?? $0.name.text, value($0.value)) }
      for (name, value) in values { set(name, value) }
    case .workingDirectory: hasDirectory = true
    case .shell: hasShell = true
    default: break
    }
  }

  mutating func declare(_ declaration: ArgumentDeclaration) {
    // Without a value it keeps the one that it has.
    if declaration.value == nil, globals[declaration.name] == nil, isSet(declaration.name) {
      return
    }
    let known = declaration.value.map { value($0) } ?? globals[declaration.name]
    // What it has stays where nothing gives it another.
    if declaration.value == nil, known == nil, isSet(declaration.name) { return }
    set(declaration.name, known ?? nil)
  }
}
