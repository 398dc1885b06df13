// `RUN` with its flags (reference E48 to E54).

import Diagnostics

extension Statement {
  func run() -> RunInstruction? {
    guard let form = commandForm() else { return nil }
    if case .exec(let words) = form, words.isEmpty {
      report("`RUN` requires at least one argument", at: rest)
      return nil
    }
    var run = RunInstruction(command: form)
    run.documents = documents.map(\.document)
    // It becomes a file of that name, which the kernel runs.
    if let script = run.loneDocument, script.content.hasPrefix("#!"), !script.isFileName {
      report("the name `\(script.name)` of a here-document is no file name")
      return nil
    }
    for flag in flags.texts("mount") where !source.isFull {
      if let mount = mount(flag) { run.mounts.append(mount) }
    }
    if let flag = flags.text("network") {
      if let network = RunInstruction.Network(rawValue: flag.text) {
        run.network = network
      } else {
        report(
          "invalid network mode `\(flag.text)`", at: flag.range,
          hint: choice(of: flag.text, among: ["default", "none", "host"]))
      }
    }
    if let flag = flags.text("security") {
      switch flag.text {
      case "insecure": run.isInsecure = true
      case "sandbox": break
      default:
        report(
          "security mode `\(flag.text)` is not valid", at: flag.range,
          hint: choice(of: flag.text, among: ["sandbox", "insecure"]))
      }
    }
    return run
  }

  func choice(of text: String, among known: [String]) -> String {
    if let near = nearest(to: text, among: known) { return "did you mean `\(near)`?" }
    return "it is one of \(known.map { "`\($0)`" }.joined(separator: ", "))"
  }

  /// One `--mount`, whose fields are values separated by commas.
  private func mount(_ flag: FlagText) -> RunMount? {
    guard let parts = commaSeparated(flag) else {
      report("the fields of `--mount` cannot be taken apart: a quote is not closed", at: flag.range)
      return nil
    }
    let fields = parts.map { part in
      let equals = part.bytes.firstIndex(of: UInt8(ascii: "="))
      return MountField(
        key: word(part[0..<(equals ?? part.bytes.count)]),
        value: equals.map { checked(word(part[($0 + 1)..<part.bytes.count])) })
    }
    for (field, part) in zip(fields, parts) where field.key.text.lowercased() == "from" {
      guard let equals = part.bytes.firstIndex(of: UInt8(ascii: "=")) else { continue }
      if stageOrImage(part[(equals + 1)..<part.bytes.count], of: "from") == nil { return nil }
    }
    do throws(MountFault) {
      return try RunMount(fields, span: span(flag.range ?? nameRange))
    } catch {
      source.report(Faults([error.diagnostic]))
      return nil
    }
  }

  /// As one line of CSV; a field in double quotes may hold commas. Nil where a quote is not closed.
  private func commaSeparated(_ flag: FlagText) -> [FlagText]? {
    var parts: [FlagText] = []
    var part = FlagText()
    var isQuoted = false
    var index = 0
    while index < flag.bytes.count {
      let byte = flag.bytes[index]
      if byte == UInt8(ascii: "\""), isQuoted || part.bytes.isEmpty {
        // Two quotes inside of quotes are one of the text.
        if isQuoted, index + 1 < flag.bytes.count, flag.bytes[index + 1] == byte {
          part.bytes.append(byte)
          part.places.append(flag.places[index])
          index += 1
        } else {
          isQuoted.toggle()
        }
      } else if byte == UInt8(ascii: ","), !isQuoted {
        parts.append(part)
        part = FlagText()
      } else {
        part.bytes.append(byte)
        part.places.append(flag.places[index])
      }
      index += 1
    }
    return isQuoted ? nil : parts + [part]
  }
}
