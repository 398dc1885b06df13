// What each instruction says, but for those that have files of their own (reference E29 to E44).

import Diagnostics

extension Statement {
  /// Nil where a fault was reported that leaves nothing to go on with. `FROM` is read by `stage(_:)`.
  func kind() -> Instruction.Kind? {
    switch name {
    case "RUN": run().map { .run($0) }
    case "COPY", "ADD": copy().map { .copy($0) }
    case "ENV": assignments().map { .environment($0) }
    case "LABEL": assignments().map { .label($0) }
    case "ARG": arguments().map { .argument($0) }
    case "CMD":
      commandForm(hint: "`CMD []` takes the command of the base away").map { .command($0) }
    case "ENTRYPOINT":
      commandForm(hint: "`ENTRYPOINT []` takes the one of the base away").map { .entrypoint($0) }
    case "SHELL": shell().map { .shell($0) }
    case "USER": onlyArgument().map { .user(checked($0)) }
    case "WORKDIR": onlyArgument().map { .workingDirectory(checked($0)) }
    case "STOPSIGNAL": onlyArgument().map { .stopSignal(checked($0)) }
    case "VOLUME": volumes().map { .volume($0) }
    case "EXPOSE": ports().map { .expose($0) }
    case "HEALTHCHECK": healthcheck().map { .healthcheck($0) }
    case "MAINTAINER": onlyArgument().map { .maintainer($0.text) }
    default: nil
    }
  }

  /// `["a", "b"]` or text for the shell.
  func commandForm(hint: String? = nil) -> CommandForm? {
    guard !rest.isEmpty else {
      report("`\(name)` requires at least one argument", hint: hint)
      return nil
    }
    switch form(of: rest) {
    case .exec(let words): return .exec(words.map(\.text))
    case .shell: return .shell(text(rest))
    case .broken: return nil
    }
  }

  /// `NAME=value …`, or `NAME value` to the end of the line.
  private func assignments() -> [Assignment]? {
    let words = quotedWords()
    guard let first = words.first else {
      report("`\(name)` requires at least one argument")
      return nil
    }
    guard line.text[first].contains(UInt8(ascii: "=")) else { return legacyAssignment() }
    var assignments: [Assignment] = []
    for range in words {
      guard let equals = line.text[range].firstIndex(of: UInt8(ascii: "=")) else {
        report(
          "can't find = in `\(text(range))`: it must be of the form name=value", at: range,
          hint: "put a value with blanks in quotes")
        return nil
      }
      guard equals > range.lowerBound else {
        report("`\(name)` names can not be blank", at: range)
        return nil
      }
      assignments.append(
        Assignment(
          name: checked(word(range.lowerBound..<equals)),
          value: checked(word((equals + 1)..<range.upperBound))))
    }
    return assignments
  }

  private func legacyAssignment() -> [Assignment]? {
    let end = line.text[rest].firstIndex(where: isBlank) ?? rest.upperBound
    let value = trimmed(end..<rest.upperBound, line.text)
    guard !value.isEmpty else {
      report("`\(name)` must have two arguments", at: rest, hint: "write `\(name) NAME=VALUE`")
      return nil
    }
    var assignment = Assignment(
      name: checked(word(rest.lowerBound..<end)), value: checked(word(value)))
    assignment.isLegacy = true
    return [assignment]
  }

  func arguments() -> [ArgumentDeclaration]? {
    let words = quotedWords()
    guard !words.isEmpty else {
      report("`ARG` requires at least one argument")
      return nil
    }
    var declarations: [ArgumentDeclaration] = []
    for range in words {
      let equals = line.text[range].firstIndex(of: UInt8(ascii: "="))
      let nameRange = range.lowerBound..<(equals ?? range.upperBound)
      guard !nameRange.isEmpty else {
        report("`ARG` names can not be blank", at: range)
        return nil
      }
      guard !line.text[nameRange].contains(where: { [0x22, 0x24, 0x27, escape].contains($0) })
      else {
        report(
          "`\(text(nameRange))` is no name of an `ARG`", at: range,
          hint: "names hold no quotes and no variables; quote the value alone")
        return nil
      }
      declarations.append(
        ArgumentDeclaration(
          name: text(nameRange),
          value: equals.map { checked(word(($0 + 1)..<range.upperBound)) }, span: span(range)))
    }
    return declarations
  }

  private func shell() -> [String]? {
    guard let form = commandForm() else { return nil }
    switch form {
    case .exec(let words) where !words.isEmpty: return words
    case .exec: report("`SHELL` requires at least one argument", at: rest)
    case .shell:
      report(
        "`SHELL` requires the arguments to be in JSON form", at: rest,
        hint: "such as `SHELL [\"/bin/bash\", \"-c\"]`")
    }
    return nil
  }

  private func volumes() -> [Word]? {
    guard !rest.isEmpty else {
      report("`VOLUME` requires at least one argument")
      return nil
    }
    let words: [Word]
    switch form(of: rest) {
    case .exec(let given): words = given
    case .shell: words = blankSeparated(rest).map { word($0) }
    case .broken: return nil
    }
    guard !words.isEmpty else {
      report("`VOLUME` requires at least one argument", at: rest)
      return nil
    }
    for word in words where word.text.utf8.allSatisfy(isBlank) {
      report("`VOLUME` specified can not be an empty string", at: rest)
      return nil
    }
    return words.map { checked($0) }
  }

  private func ports() -> [Word]? {
    let words = blankSeparated(rest)
    guard !words.isEmpty else {
      report("`EXPOSE` requires at least one argument")
      return nil
    }
    return words.map { checked(word($0)) }
  }

  /// `FROM [--platform=P] BASE [AS NAME]` (reference E27).
  func stage(index: Int) -> Stage? {
    let words = blankSeparated(rest)
    let keyword = words.count == 3 ? text(words[1]) : nil
    guard words.count == 1 || keyword?.lowercased() == "as" else {
      report(
        "`FROM` requires either one or three arguments",
        at: words.isEmpty ? nameRange : rest, hint: "write `FROM IMAGE` or `FROM IMAGE AS NAME`")
      return nil
    }
    var name: String?
    if words.count == 3 {
      name = text(words[2]).lowercased()
      guard isStageName(line.text[words[2]]) else {
        report(
          "invalid name for build stage: `\(text(words[2]))`, "
            + "name can't start with a number or contain symbols",
          at: words[2], hint: "it is made of letters, digits, `-`, `_` and `.`")
        return nil
      }
    }
    let whole = nameRange.lowerBound..<max(nameRange.upperBound, rest.upperBound)
    var stage = Stage(
      index: index, name: name, base: checked(word(words[0])),
      platform: flags.text("platform").map { checked(word($0)) }, instructions: [],
      span: span(whole))
    stage.fromKeyword = typedName
    if words.count == 3 {
      stage.asKeyword = word(words[1])
      stage.typedName = word(words[2])
    }
    return stage
  }

  private func isStageName(_ name: ArraySlice<UInt8>) -> Bool {
    guard let first = name.first, isLetterOrDigit(first), !isDigit(first) else { return false }
    return name.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x5F, 0x2E].contains($0) }
  }
}
