// What a user calls an image: `[registry/]path[:tag][@digest]`, with Docker Hub's short forms.

/// A parsed image name. `registry` is `docker.io` where none was given.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
  package static let dockerHub = "docker.io"

  /// Host with optional port, as written: `docker.io`, `localhost:5000`, `[::1]:5000`.
  package let registry: String
  /// The path within the registry: `library/nginx`.
  package let repository: String
  package let tag: String?
  package let digest: Digest?

  /// Follows the grammar of distribution's reference package. Without tag and digest the tag is
  /// `latest`.
  package init(parsing text: String) throws(ImageFault) {
    func fault(_ reason: String) -> ImageFault { .invalidReference(text, reason: reason) }
    guard !text.isEmpty else { throw fault("it is empty") }
    guard text.utf8.count <= 1024 else { throw fault("it is longer than 1024 bytes") }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw fault("only printable ASCII may stand in it")
    }
    var rest = text[...]
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let name = String(rest[rest.index(after: at)...])
      guard let parsed = Digest(name) else {
        throw fault("`\(name)` is not `sha256:` and 64 lower-case hexadecimal digits")
      }
      digest = parsed
      rest = rest[..<at]
    }
    var tag: String?
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      let name = String(rest[rest.index(after: colon)...])
      guard isTag(name) else { throw fault("`\(name)` is not a tag") }
      tag = name
      rest = rest[..<colon]
    }
    let (registry, path) = splitRegistry(String(rest))
    if let registry, !isRegistry(registry) { throw fault("`\(registry)` is not a registry host") }
    if let reason = faultOfPath(path) { throw fault(reason) }
    let isHub = registry == nil || registry == Self.dockerHub || registry == "index.docker.io"
    self.registry = isHub ? Self.dockerHub : registry ?? Self.dockerHub
    repository = isHub && !path.contains("/") ? "library/" + path : path
    self.tag = tag ?? (digest == nil ? "latest" : nil)
    self.digest = digest
    guard repository.utf8.count <= 255 else {
      throw fault("the repository name is longer than 255 bytes")
    }
    if registry == nil, !path.contains("/"), Digest(hex: path) != nil {
      throw fault("64 hexadecimal digits are an image id, not a name")
    }
  }

  private init(registry: String, repository: String, tag: String?, digest: Digest?) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// The same repository, by digest alone.
  package func pinned(to digest: Digest) -> ImageReference {
    ImageReference(registry: registry, repository: repository, tag: nil, digest: digest)
  }

  /// `docker.io/library/nginx:latest`, `registry/path@sha256:…`, or with both.
  package var description: String {
    "\(registry)/\(repository)" + suffix
  }

  /// As people write it: without Docker Hub's host and `library/`.
  package var familiar: String { familiarName + suffix }

  /// `familiar` without tag and digest.
  package var familiarName: String {
    guard registry == Self.dockerHub else { return "\(registry)/\(repository)" }
    let official = "library/"
    let short = repository.dropFirst(official.count)
    return repository.hasPrefix(official) && !short.contains("/") ? String(short) : repository
  }

  private var suffix: String { (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "") }
}

/// The first part is a registry when it cannot be a path: a dot, a port, `localhost`, capitals.
private func splitRegistry(_ name: String) -> (registry: String?, path: String) {
  guard let slash = name.firstIndex(of: "/") else { return (nil, name) }
  let first = String(name[..<slash])
  let isHost =
    first == "localhost" || first.contains(".") || first.contains(":")
    || first.lowercased() != first
  guard isHost else { return (nil, name) }
  return (first, String(name[name.index(after: slash)...]))
}

private func isTag(_ text: String) -> Bool {
  guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
  let isWord: (UInt8) -> Bool = { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
  return isWord(first)
    && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
}

private func isRegistry(_ text: String) -> Bool {
  guard text.utf8.count <= 255 else { return false }
  var host = text[...]
  if host.hasPrefix("[") {
    guard let end = host.firstIndex(of: "]") else { return false }
    let inside = host[host.index(after: host.startIndex)..<end]
    let isAddress =
      !inside.isEmpty && inside.utf8.allSatisfy { isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }
    return isAddress && isPort(host[host.index(after: end)...])
  }
  if let colon = host.firstIndex(of: ":") {
    guard isPort(host[colon...]) else { return false }
    host = host[..<colon]
  }
  return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
    !label.isEmpty && label.first != "-" && label.last != "-"
      && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
  }
}

/// Nothing, or `:` and a port number.
private func isPort(_ text: Substring) -> Bool {
  if text.isEmpty { return true }
  let digits = text.dropFirst()
  return text.first == ":" && !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) }
    && UInt16(digits) != nil
}

private func isHexDigit(_ byte: UInt8) -> Bool {
  isAlphanumeric(byte) && (byte <= UInt8(ascii: "9") || byte | 0x20 <= UInt8(ascii: "f"))
}

private func faultOfPath(_ path: String) -> String? {
  if path.lowercased() != path { return "the repository name must be lower case" }
  for component in path.split(separator: "/", omittingEmptySubsequences: false) {
    if !isComponent(Array(component.utf8)) {
      return "`\(component)` is not a part of a repository name"
    }
  }
  return nil
}

/// Letters and digits, joined by one `.`, one or two `_`, or any number of `-`.
private func isComponent(_ bytes: [UInt8]) -> Bool {
  guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first), isAlphanumeric(last)
  else { return false }
  var index = 0
  while index < bytes.count {
    if isAlphanumeric(bytes[index]) {
      index += 1
      continue
    }
    let start = index
    while index < bytes.count, bytes[index] == bytes[start] { index += 1 }
    let length = index - start
    switch bytes[start] {
    case UInt8(ascii: "."): if length > 1 { return false }
    case UInt8(ascii: "_"): if length > 2 { return false }
    case UInt8(ascii: "-"): break
    default: return false
    }
    if index < bytes.count, !isAlphanumeric(bytes[index]) { return false }
  }
  return true
}
