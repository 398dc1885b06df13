// An instruction as one line of text, so that tests compare all of it.

@testable import Dockerfile

func described(_ kind: Instruction.Kind) -> String {
  switch kind {
  case .run(let run): described(run)
  case .copy(let copy): described(copy)
  case .environment(let pairs), .label(let pairs):
    pairs.map { "\($0.name.text)\($0.isLegacy ? " " : "=")\($0.value.text)" }
      .joined(separator: "|")
  case .argument(let declarations):
    declarations.map { "\($0.name)" + ($0.value.map { "=\($0.text)" } ?? "") }
      .joined(separator: "|")
  case .command(let form), .entrypoint(let form): described(form)
  case .shell(let words): words.joined(separator: "|")
  case .user(let word), .workingDirectory(let word), .stopSignal(let word): word.text
  case .volume(let words), .expose(let words): words.map(\.text).joined(separator: "|")
  case .healthcheck(let check): described(check)
  case .onBuild(let text), .maintainer(let text): text
  }
}

func described(_ form: CommandForm) -> String {
  switch form {
  case .exec(let words): "exec " + words.joined(separator: "|")
  case .shell(let text): "shell \(text)"
  }
}

private func described(_ check: HealthcheckInstruction) -> String {
  guard let command = check.command else { return "none" }
  var parts = [described(command)]
  for (name, value) in [
    ("interval", check.interval), ("timeout", check.timeout), ("start", check.startPeriod),
    ("start-interval", check.startInterval), ("retries", Int64(check.retries)),
  ] where value != 0 {
    parts.append("\(name)=\(value)")
  }
  return parts.joined(separator: " ")
}

private func described(_ run: RunInstruction) -> String {
  var parts = run.mounts.map(described)
  if run.network != .standard { parts.append("network=\(run.network.rawValue)") }
  if run.isInsecure { parts.append("insecure") }
  parts.append(described(run.command))
  parts += run.documents.map(described)
  return parts.joined(separator: " ")
}

func described(_ mount: RunMount) -> String {
  var parts = [mount.kind.rawValue, mount.isWritable ? "rw" : "ro"]
  for (name, word) in [
    ("target", mount.target), ("source", mount.source), ("from", mount.from), ("id", mount.id),
    ("env", mount.variable),
  ] {
    if let word { parts.append("\(name)=\(word.text)") }
  }
  if mount.isRequired { parts.append("required") }
  if mount.sharing != .shared { parts.append(mount.sharing.rawValue) }
  if let mode = mount.mode { parts.append("mode=0\(String(mode, radix: 8))") }
  if let user = mount.user { parts.append("uid=\(user)") }
  if let group = mount.group { parts.append("gid=\(group)") }
  if let size = mount.size { parts.append("size=\(size)") }
  if mount.holdsVariables { parts.append("variables") }
  return "{" + parts.joined(separator: ",") + "}"
}

private func described(_ copy: CopyInstruction) -> String {
  var parts: [String] = []
  for (name, word) in [
    ("from", copy.from), ("chown", copy.owner), ("chmod", copy.mode), ("checksum", copy.checksum),
  ] {
    if let word { parts.append("\(name)=\(word.text)") }
  }
  if copy.isLink { parts.append("link") }
  if copy.keepsParents { parts.append("parents") }
  if copy.keepsGitFolder { parts.append("keep-git-dir") }
  if let unpacks = copy.unpacks { parts.append("unpack=\(unpacks)") }
  parts += copy.excludes.map { "exclude=\($0.text)" }
  parts.append(copy.sources.map(\.text).joined(separator: "|") + " -> " + copy.destination.text)
  parts += copy.documents.map(described)
  return parts.joined(separator: " ")
}

func described(_ document: HereDocument) -> String {
  let marks = (document.expands ? "" : "'") + (document.stripsTabs ? "-" : "")
  return "<\(document.name)\(marks):\(document.content)>"
}
