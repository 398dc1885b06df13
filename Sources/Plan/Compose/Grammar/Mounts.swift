// `volumes` and `devices` in short form (reference S100, S101).

/// The long form of `TARGET`, `SOURCE:TARGET` or `SOURCE:TARGET:OPTIONS`.
func parseMount(_ text: String, _ origin: Origin) throws(Fault) -> Node {
  guard !text.isEmpty else { throw Fault(.badValue, "a volume is empty", at: origin) }
  var fields = Fields()
  guard text.utf8.count > 2 else {
    fields["type"] = Node("volume", origin)
    fields["target"] = Node(text, origin)
    return Node(.map(fields), origin)
  }
  let parts = try mountParts(text, origin)
  let source = parts.count > 1 ? parts[0] : ""
  let isBind = isFilePath(source)
  fields["type"] = Node(isBind ? "bind" : "volume", origin)
  if !source.isEmpty { fields["source"] = Node(source, origin) }
  fields["target"] = Node(cleanPath(parts.count > 1 ? parts[1] : parts[0]), origin)
  var bind = Fields()
  var volume = Fields()
  if isBind { bind["create_host_path"] = Node(.bool(true), origin) }
  for option in parts.count > 2 ? pieces(of: parts[2], at: ",") : [] {
    switch option {
    case "ro": fields["read_only"] = Node(.bool(true), origin)
    case "rw": fields["read_only"] = Node(.bool(false), origin)
    case "nocopy": volume["nocopy"] = Node(.bool(true), origin)
    case "z", "Z": bind["selinux"] = Node(String(option), origin)
    case "private", "rprivate", "shared", "rshared", "slave", "rslave":
      bind["propagation"] = Node(String(option), origin)
    default: break
    }
  }
  if isBind || !bind.isEmpty { fields["bind"] = Node(.map(bind), origin) }
  if !isBind || !volume.isEmpty { fields["volume"] = Node(.map(volume), origin) }
  return Node(.map(fields), origin)
}

/// Splits at colons, but not after a drive letter and not inside `${…}`.
private func mountParts(_ text: String, _ origin: Origin) throws(Fault) -> [String] {
  var parts: [String] = []
  var part = ""
  var open = 0
  var previous: Unicode.Scalar = " "
  for scalar in text.unicodeScalars {
    if scalar == "{", previous == "$" { open += 1 }
    if scalar == "}", open > 0 { open -= 1 }
    previous = scalar
    guard scalar == ":", open == 0, !isDrive(part) || parts.count > 1 else {
      part.unicodeScalars.append(scalar)
      continue
    }
    guard !part.isEmpty else { throw emptySection(text, origin) }
    parts.append(part)
    part = ""
    guard parts.count < 3 else {
      throw Fault(
        .badValue, "volume `\(text)` has too many colons", at: origin,
        hint: "write `[SOURCE:]TARGET[:OPTIONS]`")
    }
  }
  guard !part.isEmpty else { throw emptySection(text, origin) }
  return parts + [part]
}

private func emptySection(_ text: String, _ origin: Origin) -> Fault {
  Fault(
    .badValue, "volume `\(text)` has an empty section between colons", at: origin,
    hint: "write `[SOURCE:]TARGET[:OPTIONS]`; a variable may be unset")
}

private func isDrive(_ text: String) -> Bool {
  guard text.utf8.count == 1, let byte = text.utf8.first else { return false }
  return isLetter(byte)
}

private func isFilePath(_ source: String) -> Bool {
  guard let first = source.unicodeScalars.first else { return false }
  return [".", "/", "~", "\\"].contains(first)
    || source.unicodeScalars.dropFirst().first == ":" && isDrive(String(first))
}

/// The long form of `HOST[:CONTAINER[:PERMISSIONS]]`.
func parseDevice(_ text: String, _ origin: Origin) throws(Fault) -> Node {
  let parts = pieces(of: text, at: ":").map(String.init)
  guard parts.count <= 3 else {
    throw Fault(
      .badValue, "device `\(text)` is invalid", at: origin,
      hint: "write `HOST[:CONTAINER[:rwm]]`")
  }
  var fields = Fields()
  // A variable that is not set leaves a part empty.
  let target = parts.count > 1 ? parts[1] : ""
  fields["source"] = Node(parts[0], origin)
  fields["target"] = Node(target.isEmpty ? parts[0] : target, origin)
  fields["permissions"] = Node(parts.count > 2 ? parts[2] : "rwm", origin)
  return Node(.map(fields), origin)
}
