// `--interactive=false`: flags with a value, as the reference's scripts write them.

import ArgumentParser

/// Parses the verb and what is behind it. Where the parser complains that a flag takes no value, the
/// word is put as it wants it: `--flag`, `--no-flag`, or nothing.
func parseVerb(_ words: [String]) throws -> any ParsableCommand {
  var words = words
  // Each round settles one word.
  for _ in words {
    do {
      return try BerthCommand.parseAsRoot(words)
    } catch {
      let message = BerthCommand.message(for: error)
      guard let index = words.firstIndex(where: { isComplaint(message, about: $0) }),
        let better = settled(words, at: index)
      else { throw error }
      words = better
    }
  }
  return try BerthCommand.parseAsRoot(words)
}

private func isComplaint(_ message: String, about word: String) -> Bool {
  guard let (name, _) = flagValue(word) else { return false }
  return message.contains("'\(name)' does not take any value")
}

/// The name and the value of `--name=true` and the like.
private func flagValue(_ word: String) -> (name: String, isOn: Bool)? {
  guard word.hasPrefix("-"), let equals = word.firstIndex(of: "=") else { return nil }
  let value = word[word.index(after: equals)...].lowercased()
  let isOn = ["true", "t", "1"].contains(value)
  guard isOn || ["false", "f", "0"].contains(value) else { return nil }
  return (String(word[..<equals]), isOn)
}

/// Nil for a short flag that is turned off: it has no word for that.
private func settled(_ words: [String], at index: Int) -> [String]? {
  guard let (name, isOn) = flagValue(words[index]), isOn || name.hasPrefix("--") else { return nil }
  var result = words
  if isOn {
    result[index] = name
    return result
  }
  // On unless it is said: then there is a word that turns it off.
  result[index] = "--no-" + name.drop { $0 == "-" }
  do {
    _ = try BerthCommand.parseAsRoot(result)
    return result
  } catch {
    if !BerthCommand.message(for: error).contains("'\(result[index])'") { return result }
  }
  result.remove(at: index)
  return result
}
