// What `ADD` and contexts of builds name that is not on this machine: a file by http or https, or a
// repository of git with what of it is wanted. Nothing is fetched here.

package import Diagnostics

package enum RemoteReference: Sendable, Hashable {
  case file(FileReference)
  case repository(GitReference)

  /// Where a reference stands decides what is one: the same text can be a path.
  package enum Use: Sendable {
    case add
    /// `github.com/OWNER/NAME` is a repository.
    case context
  }

  /// Nil for what is of this machine.
  package init?(_ text: String, for use: Use) throws(RemoteReferenceFault) {
    if let git = try GitReference(text, for: use) {
      self = .repository(git)
      return
    }
    guard ["http://", "https://"].contains(where: text.lowercased().hasPrefix) else {
      guard case .context = use, let end = text.firstRange(of: "://")?.lowerBound else {
        return nil
      }
      throw .unknownScheme(withoutSecrets(text), String(text[..<end]))
    }
    self = .file(try FileReference(text))
  }

  /// As people may see it: without passwords.
  package var shown: String {
    switch self {
    case .file(let file): file.shown
    case .repository(let git): git.shown
    }
  }
}

/// A file that a server has.
package struct FileReference: Sendable, Hashable {
  /// Without a fragment, which no server sees.
  package var url: String
  /// The last name of the path; nil where it has none that can be one.
  package var name: String?

  package var shown: String { withoutSecrets(url) }

  init(_ text: String) throws(RemoteReferenceFault) {
    url = String(text.prefix { $0 != "#" })
    try check(url, as: text)
    let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? ""
    guard
      let host = rest.split(
        separator: "/", maxSplits: 1, omittingEmptySubsequences: false
      ).first, !host.isEmpty, host.first != "?"
    else { throw .noHost(withoutSecrets(text)) }
    let path = rest.drop { $0 != "/" && $0 != "?" }.prefix { $0 != "?" }
    let names = percentDecoded(path).map { $0.split(separator: "/") } ?? []
    name = names.last.flatMap { last in
      last == "." || last == ".." || last.utf8.contains(0) ? nil : String(last)
    }
  }
}

/// A repository, and what of it is wanted.
package struct GitReference: Sendable, Hashable {
  /// As git takes it.
  package var url: String
  /// A branch, a tag or a commit; nil is what the repository's HEAD says.
  package var ref: String?
  /// Names of folders with slashes between; nil is the whole.
  package var folder: String?
  /// How the commit must begin.
  package var commit: String?
  package var keepsGitFolder: Bool?
  package var hasSubmodules = true

  package var shown: String { withoutSecrets(url) + (fragment.isEmpty ? "" : "#" + fragment) }

  private var fragment: String { (ref ?? "") + (folder.map { ":" + $0 } ?? "") }

  init?(_ text: String, for use: RemoteReference.Use) throws(RemoteReferenceFault) {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let halves = parts[0].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let place = String(halves[0])
    let scheme = place.firstRange(of: "://").map { place[..<$0.lowerBound].lowercased() }
    switch scheme {
    case "git", "ssh": url = place
    case "http", "https":
      guard place.hasSuffix(".git") else { return nil }
      url = place
    case nil:
      if case .context = use, place.hasPrefix("github.com/") {
        url = "https://" + place
      } else if isShort(place) {
        url = place
      } else {
        return nil
      }
    default: return nil
    }
    try check(url, as: text)
    if parts.count == 2 { read(fragment: parts[1]) }
    if halves.count == 2 { try read(query: halves[1], of: text) }
    if ref == nil, let commit, isCommit(commit) { ref = commit }
    try checkParts(text)
  }

  private mutating func read(fragment: Substring) {
    let parts = fragment.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if !parts[0].isEmpty { ref = String(parts[0]) }
    if parts.count == 2, !parts[1].isEmpty { folder = String(parts[1]) }
  }

  private mutating func read(query: Substring, of text: String) throws(RemoteReferenceFault) {
    let shown = withoutSecrets(text)
    var seen: Set<String> = []
    func set(_ value: inout String?, _ key: String, _ new: String) throws(RemoteReferenceFault) {
      guard value == nil || value == new else { throw .conflict(shown, key) }
      value = new
    }
    for field in query.split(separator: "&") {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(parts[0])
      guard seen.insert(key).inserted else { throw .conflict(shown, key) }
      guard parts.count == 2, let value = percentDecoded(parts[1], plusIsBlank: true),
        !value.isEmpty
      else { throw .noValue(shown, key) }
      switch key {
      case "ref": try set(&ref, key, value)
      case "tag": try set(&ref, key, "refs/tags/" + value)
      case "branch": try set(&ref, key, "refs/heads/" + value)
      case "subdir": try set(&folder, key, value)
      case "commit", "checksum": try set(&commit, key, value)
      case "keep-git-dir", "submodules":
        guard let flag = truth(value) else { throw .noTruth(shown, key, value) }
        if key == "submodules" { hasSubmodules = flag } else { keepsGitFolder = flag }
      default: throw .unknownKey(shown, key)
      }
    }
  }

  /// Nothing of it may be taken for an option, by git or by ssh, or lead out of the repository.
  private mutating func checkParts(_ text: String) throws(RemoteReferenceFault) {
    let shown = withoutSecrets(text)
    if let ref, !isRef(ref) { throw .badRef(shown, ref) }
    if let commit, !(7...64).contains(commit.utf8.count) || !commit.utf8.allSatisfy(isHexDigit) {
      throw .badCommit(shown, commit)
    }
    guard let folder else { return }
    let names = folder.split(separator: "/").filter { $0 != "." }.map(String.init)
    guard !names.contains(".."), !names.contains(where: { $0.lowercased() == ".git" }),
      !folder.utf8.contains(where: { $0 < 0x20 })
    else { throw .badFolder(shown, folder) }
    self.folder = names.isEmpty ? nil : names.joined(separator: "/")
  }
}

/// Whether it is the whole id of a commit.
package func isCommit(_ text: String) -> Bool {
  (text.utf8.count == 40 || text.utf8.count == 64) && text.utf8.allSatisfy(isHexDigit)
}

/// `USER@HOST:PATH`, by ssh.
private func isShort(_ text: String) -> Bool {
  guard let at = text.utf8.firstIndex(of: UInt8(ascii: "@")),
    let colon = text.utf8[at...].firstIndex(of: UInt8(ascii: ":"))
  else { return false }
  let user = text[..<at].utf8
  let host = text[at..<colon].utf8.dropFirst()
  return !user.isEmpty && !host.isEmpty
    && user.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }
    && host.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x2E }
}

/// What git allows in the name of a ref (git-check-ref-format).
private func isRef(_ ref: String) -> Bool {
  let bytes = Array(ref.utf8)
  let refused = Set(" ~^:?*[\\".utf8)
  guard let first = bytes.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "/"),
    bytes.count <= 1024, bytes.last != UInt8(ascii: "/"), bytes.last != UInt8(ascii: ".")
  else { return false }
  return bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && !refused.contains($0) }
    && !["..", "@{", "//"].contains { ref.contains($0) }
}

/// An address must have a host that no program takes for an option, and no character that ends it.
private func check(_ url: String, as text: String) throws(RemoteReferenceFault) {
  let shown = withoutSecrets(text)
  guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .badCharacter(shown) }
  var rest = url[...]
  var separators = "/?"
  if let scheme = url.firstRange(of: "://") {
    rest = url[scheme.upperBound...]
  } else {
    separators = ":"
  }
  var host = rest.prefix { !separators.contains($0) }
  let user = host.lastIndex(of: "@")
  if let user { host = host[host.index(after: user)...] }
  guard !host.isEmpty, host.first != ":" else { throw .noHost(shown) }
  guard host.first != "-", !rest.hasPrefix("-"),
    !rest.dropFirst(rest.prefix { !separators.contains($0) }.count + 1).hasPrefix("-")
  else { throw .option(shown) }
}

/// An address without what it says of a password, or of a name that may be one.
package func withoutSecrets(_ url: String) -> String {
  guard let parts = AddressParts(url), let user = parts.user else { return url }
  if url.hasPrefix("ssh"), !user.contains(":") { return url }
  return parts.text(as: "xxxxx")
}

/// `SCHEME://USER@HOST/REST` taken apart, as it is written.
package struct AddressParts {
  /// Without `://`.
  package let scheme: Substring
  /// With a password perhaps.
  package let user: Substring?
  /// With a port perhaps.
  package let host: Substring
  private let rest: Substring

  /// Nil for what has no scheme.
  package init?(_ text: String) {
    guard let end = text.firstRange(of: "://") else { return nil }
    scheme = text[..<end.lowerBound]
    let authority = text[end.upperBound...].prefix { !"/?#".contains($0) }
    let at = authority.lastIndex(of: "@")
    user = at.map { authority[..<$0] }
    host = at.map { authority[authority.index(after: $0)...] } ?? authority
    rest = text[authority.endIndex...]
  }

  /// The server alone.
  package var server: String { "\(scheme)://\(host)" }

  /// The same with this user; nil is none.
  package func text(as user: String?) -> String {
    "\(scheme)://" + (user.map { $0 + "@" } ?? "") + host + rest
  }
}

/// A line of words, each address in it without secrets.
package func wordsWithoutSecrets(_ text: String) -> String {
  text.split(separator: " ", omittingEmptySubsequences: false).map { withoutSecrets(String($0)) }
    .joined(separator: " ")
}

private func truth(_ text: String) -> Bool? {
  switch text.lowercased() {
  case "1", "t", "true": true
  case "0", "f", "false": false
  default: nil
  }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
}

/// Nil where `%` is followed by no number, or what comes out is no text.
package func percentDecoded(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    switch byte {
    case UInt8(ascii: "%"):
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy(isHexDigit),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      rest = rest.dropFirst(2)
      bytes.append(value)
    case UInt8(ascii: "+") where plusIsBlank: bytes.append(0x20)
    default: bytes.append(byte)
    }
  }
  return String(validating: bytes, as: UTF8.self)
}

/// What is wrong with the text of a reference; the first value of each is the reference as it is shown.
package enum RemoteReferenceFault: Diagnosable, Hashable {
  case unknownScheme(String, String)
  case noHost(String)
  case badCharacter(String)
  case option(String)
  case unknownKey(String, String)
  case noValue(String, String)
  case conflict(String, String)
  case noTruth(String, String, String)
  case badRef(String, String)
  case badCommit(String, String)
  case badFolder(String, String)

  static let keys = [
    "ref", "tag", "branch", "commit", "checksum", "subdir", "submodules", "keep-git-dir",
  ]

  package var diagnostics: [Diagnostic] {
    let (summary, hint): (String, String?) =
      switch self {
      case .unknownScheme(let text, let scheme):
        (
          "`\(text)` cannot be fetched by `\(scheme)`",
          "it can be `https`, `http`, `ssh` or `git`"
        )
      case .noHost(let text): ("`\(text)` names no host", nil)
      case .badCharacter(let text):
        ("`\(text)` holds a blank or another character that no address has", "write it as `%20`")
      case .option(let text): ("a name in `\(text)` begins with `-`", nil)
      case .unknownKey(let text, let key):
        (
          "`\(text)` asks for `\(key)`, which is not known",
          nearest(to: key, among: Self.keys).map { "did you mean `\($0)`?" }
            ?? "there are \(Self.keys.map { "`\($0)`" }.joined(separator: ", "))"
        )
      case .noValue(let text, let key): ("`\(text)` has no value for `\(key)`", nil)
      case .conflict(let text, let key):
        ("`\(text)` says with `\(key)` what it has said otherwise", "say it once")
      case .noTruth(let text, let key, let value):
        ("`\(text)` has `\(value)` for `\(key)`", "it can be `true` or `false`")
      case .badRef(let text, let ref):
        ("`\(text)`: `\(ref)` is no name of a branch, a tag or a commit", nil)
      case .badCommit(let text, let commit):
        ("`\(text)`: `\(commit)` is not how the id of a commit begins", nil)
      case .badFolder(let text, let folder):
        ("`\(text)`: `\(folder)` is no folder inside of a repository", nil)
      }
    return [Diagnostic(summary, hint: hint)]
  }
}
