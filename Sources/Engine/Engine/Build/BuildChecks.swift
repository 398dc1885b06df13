// What can be told of a build before anything of it runs: nobody shall wait an hour for a typing error.

import Compose
import Diagnostics
import Dockerfile

extension BuildJob {
  /// Looks at the instructions of these stages whose words have no variables. All faults come at once.
  func check(_ stages: [Int]) throws {
    var faults: [Diagnostic] = []
    let state = StageState(scratch: platform)
    for instruction in stages.flatMap({ source.dockerfile.stages[$0].instructions }) {
      do {
        try check(instruction, state)
      } catch let fault as Faults {
        faults += fault.placed(at: instruction.span, in: source).diagnostics
      }
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  private func check(_ instruction: Instruction, _ state: StageState) throws {
    func isLiteral(_ words: [Word?]) -> Bool {
      words.allSatisfy { $0.map { expansion.usedVariables(in: $0).isEmpty } ?? true }
    }
    switch instruction.kind {
    case .run(let run): try refuseUnentitled(run, instruction)
    case .copy(let copy):
      let words = copy.sources + copy.excludes + [copy.destination]
      guard isLiteral(words + [copy.owner, copy.mode, copy.checksum]) else { return }
      _ = try CopyWords(copy, state, self)
    case .expose(let ports):
      guard isLiteral(ports) else { return }
      try tryChange(instruction)
    case .stopSignal(let word):
      guard isLiteral([word]) else { return }
      try tryChange(instruction)
    default: break
    }
  }

  private func tryChange(_ instruction: Instruction) throws {
    var changes = ImageChanges()
    try changes.apply(instruction, expansion)
  }

  func refuseUnentitled(_ run: RunInstruction, _ instruction: Instruction) throws {
    let granted = definition.entitlements
    if run.network == .host, !granted.contains("network.host"), definition.network != "host" {
      throw source.fault(
        "granting entitlement network.host is not allowed by build configuration",
        at: instruction.span, hint: "add `entitlements: [network.host]` below `build:`")
    }
    if run.isInsecure, !granted.contains("security.insecure") {
      throw source.fault(
        "granting entitlement security.insecure is not allowed by build configuration",
        at: instruction.span, hint: "add `entitlements: [security.insecure]` below `build:`")
    }
  }
}
