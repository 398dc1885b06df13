// What is left out of a build's context, and what `--chmod` makes of a mode.

@testable import Dockerfile

/// The text of an ignore file, then a NUL, then a path.
func tryIgnoreRules(_ bytes: [UInt8]) {
  let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  let text = Array(parts[0])
  let path = (parts.count > 1 ? Array(parts[1]) : []).split(separator: UInt8(ascii: "/"))
  guard let rules = try? IgnoreRules(text: text, file: ".dockerignore"), !path.isEmpty,
    !path.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) })
  else { return }
  var verdict = IgnoreRules.Verdict.root
  var mayInclude = true
  for depth in 1...path.count {
    let whole = Array(path.prefix(depth).joined(separator: [UInt8(ascii: "/")]))
    let plain = rules.verdict(on: whole)
    require(
      mayInclude || plain.isExcluded, "a folder was left out that holds what is brought back")
    verdict = rules.verdict(on: whole, within: verdict)
    require(verdict == plain, "a walk finds another verdict than a question")
    require(rules.excludes(whole) == plain.isExcluded, "a verdict is told otherwise")
    mayInclude = mayInclude && rules.mayInclude(below: whole)
  }
}

func tryModeChange(_ bytes: [UInt8]) {
  guard let change = try? ModeChange(text(bytes)) else { return }
  for mode: UInt32 in [0, 0o644, 0o755, 0o7777, 0o1000, 0o4111] {
    for isFolder in [false, true] {
      let changed = change.applied(to: mode, isFolder: isFolder)
      require(changed <= 0o7777, "\(mode) becomes \(changed)")
      require(change.applied(to: mode, isFolder: isFolder) == changed, "a change has two results")
    }
  }
}
