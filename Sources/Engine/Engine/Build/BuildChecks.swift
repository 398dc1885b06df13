// What can be told of a Dockerfile before anything of it runs: nobody shall wait an hour for a typing error.

import Compose
import Diagnostics
import Dockerfile
import OCI

/// Faults of words that mean nothing in any build, in all stages, whether they are needed or not. Words with
/// variables are left to the step that they belong to.
struct WordChecks {
  private let dockerfile: Dockerfile
  private let contexts: Set<String>
  private let expansion: Expansion
  /// Names of stages before the present one, lower case.
  private var earlier: Set<String> = []
  /// Those of them that are in the root for sure.
  private var rooted: Set<String> = []
  private var faults: [Diagnostic] = []

  /// - Parameter contexts: names that stand for something else in this build.
  static func faults(of dockerfile: Dockerfile, contexts: Set<String>) -> [Diagnostic] {
    var checks = WordChecks(dockerfile, contexts)
    for stage in dockerfile.stages { checks.check(stage) }
    return misplacedSources(dockerfile, contexts: contexts) + checks.faults
  }

  private init(_ dockerfile: Dockerfile, _ contexts: Set<String>) {
    self.dockerfile = dockerfile
    self.contexts = contexts
    expansion = Expansion(escape: dockerfile.directives.escape)
  }

  private mutating func check(_ stage: Stage) {
    checkImage(stage.base)
    if let word = stage.platform, let text = literal(word) {
      trying(at: word.span) { _ = try Platform(parsing: text) }
    }
    // An image may have a working directory of its own.
    let base = literal(stage.base)?.lowercased() ?? ""
    var isRooted = rooted.contains(base) || (base == "scratch" && !contexts.contains(base))
    for instruction in stage.instructions {
      if case .workingDirectory = instruction.kind { isRooted = false }
      check(instruction, isRooted: isRooted)
    }
    guard let name = stage.name else { return }
    earlier.insert(name)
    if isRooted { rooted.insert(name) } else { rooted.remove(name) }
  }

  private mutating func check(_ instruction: Instruction, isRooted: Bool) {
    switch instruction.kind {
    case .run(let run):
      for mount in run.mounts {
        if let from = mount.from { checkSource(from) }
        checkTarget(of: mount, isRooted: isRooted)
      }
    case .copy(let copy): check(copy)
    case .expose(let ports):
      for port in ports where literal(port) != nil {
        tryChange(.expose([port]), of: instruction, port)
      }
    case .stopSignal(let word):
      if literal(word) != nil { tryChange(instruction.kind, of: instruction, word) }
    default: break
    }
  }

  private mutating func check(_ copy: CopyInstruction) {
    if let from = copy.from { checkSource(from) }
    if let mode = copy.mode, let text = literal(mode) {
      trying(at: mode.span) { _ = try ModeChange(text) }
    }
    if literal(copy.destination)?.isEmpty == true {
      faults.append(Diagnostic("the destination is empty", span: copy.destination.span))
    }
    guard copy.isAdd else { return }
    let sources = copy.sources.compactMap { word in literal(word).map { (word, $0) } }
    for (word, text) in sources {
      trying(at: word.span) { _ = try RemoteReference(text, for: .add) }
    }
    guard let word = copy.checksum, let checksum = literal(word),
      sources.count == copy.sources.count
    else { return }
    trying(at: word.span) { try copy.check(checksum, of: sources.map(\.1)) }
  }

  /// Of a mount of files; where it is relative, or not said, it depends on the working directory.
  private mutating func checkTarget(of mount: RunMount, isRooted: Bool) {
    guard [.bind, .cache, .tmpfs].contains(mount.kind), !mount.holdsVariables else { return }
    guard let word = mount.target else {
      guard isRooted else { return }
      faults.append(
        Diagnostic("a mount of type \(mount.kind.rawValue) needs a `target`", span: mount.span))
      return
    }
    guard let path = literal(word), cleaned(path) == "/", path.hasPrefix("/") || isRooted else {
      return
    }
    faults.append(
      Diagnostic("a mount cannot have the root as its target", span: word.span))
  }

  private mutating func checkSource(_ word: Word) {
    // A number is a stage; which, has been looked at.
    if Int(word.text) == nil { checkImage(word) }
  }

  /// Of a word that may name a stage, a context or an image.
  private mutating func checkImage(_ word: Word) {
    guard let name = literal(word), !name.isEmpty, name != "scratch", !contexts.contains(name),
      !earlier.contains(name.lowercased())
    else { return }
    trying(at: word.span) { _ = try ImageReference(parsing: name) }
  }

  private mutating func tryChange(
    _ kind: Instruction.Kind, of instruction: Instruction, _ word: Word
  ) {
    var changed = instruction
    changed.kind = kind
    changed.span = word.span
    trying(at: word.span) { [expansion] in
      var changes = ImageChanges()
      try changes.apply(changed, expansion)
    }
  }

  /// Nil where variables stand in it, or it cannot be read, which the parser has told.
  private func literal(_ word: Word) -> String? {
    guard expansion.usedVariables(in: word).isEmpty else { return nil }
    // Faults in it have been told by the parser.
    return try? expansion.text(word) { _ in nil }
  }

  private mutating func trying(at span: SourceSpan, _ look: () throws -> Void) {
    do {
      try look()
    } catch let failure as any Diagnosable {
      faults += failure.diagnostics.map { diagnostic in
        var placed = diagnostic
        placed.span = diagnostic.span ?? span
        return placed
      }
    } catch {
      faults.append(Diagnostic("\(error)", span: span))
    }
  }
}

extension BuildDefinition {
  /// Faults of steps that the target needs, as far as the text tells which these are.
  func ungranted(in dockerfile: Dockerfile) -> [Diagnostic] {
    // A target that there is not is told when the build begins.
    guard !dockerfile.stages.isEmpty,
      let graph = try? BuildGraph(
        dockerfile, contexts: additionalContexts.map(\.name), target: target,
        at: place(of: "target"))
    else { return [] }
    var needed: Set<Int> = []
    var waiting = [graph.target]
    while let index = waiting.popLast() {
      guard needed.insert(index).inserted else { continue }
      let base = graph.base(dockerfile.stages[index].base.text, of: index)
      waiting += graph.needs(of: index, base: base)
    }
    return needed.sorted().flatMap { index in
      dockerfile.stages[index].instructions.flatMap { ungranted($0) }
    }
  }

  /// What an instruction asks for and has not been granted.
  func ungranted(_ instruction: Instruction) -> [Diagnostic] {
    guard case .run(let run) = instruction.kind else { return [] }
    var asked: [String] = []
    if run.network == .host, network != "host" { asked.append("network.host") }
    if run.isInsecure { asked.append("security.insecure") }
    return asked.filter { !entitlements.contains($0) }.map { name in
      Diagnostic(
        "granting entitlement \(name) is not allowed by build configuration",
        span: instruction.span, hint: "add `entitlements: [\(name)]` below `build:`")
    }
  }
}

extension BuildJob {
  /// Looks at what stages ask for that has to be granted. All faults come at once.
  func check(_ stages: [Int]) throws {
    try refuseUngranted(stages.flatMap { source.dockerfile.stages[$0].instructions })
  }

  func refuseUngranted(_ instructions: [Instruction]) throws {
    let faults = instructions.flatMap { definition.ungranted($0) }.map { fault in
      fault.span.map { source.diagnostic(fault.summary, at: $0, hint: fault.hint) } ?? fault
    }
    if !faults.isEmpty { throw Faults(faults) }
  }
}
