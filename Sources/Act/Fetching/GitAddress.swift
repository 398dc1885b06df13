// The address of a repository as git gets to see it: what proves who asks is handed over beside it, for the one
// server that it was written for, and stands in no command line and no file.

import Dockerfile
import Diagnostics

/// A name and a password for one server.
struct GitCredential: Sendable, Hashable {
  /// `https://HOST[:PORT]`.
  let server: String
  let user: String
  let password: String

  /// The setting that has git ask for it when that server wants it.
  var setting: String {
    "credential.\(server).helper=!answer() { test \"$1\" != get || "
      + "printf 'username=%s\\npassword=%s\\n' \"$\(Self.userVariable)\" \"$\(Self.passwordVariable)\"; }; answer"
  }

  var variables: [String: String] {
    [Self.userVariable: user, Self.passwordVariable: password]
  }

  private static let userVariable = "BERTH_GIT_USER"
  private static let passwordVariable = "BERTH_GIT_PASSWORD"
}

struct GitAddress: Sendable, Hashable {
  /// With no name and no password, where it is one of http.
  let url: String
  let credential: GitCredential?

  /// - Parameter reference: what stands in its address outweighs a token.
  init(_ reference: GitReference, _ access: GitAccess) throws(GitFault) {
    guard let address = AddressParts(reference.url),
      ["http", "https"].contains(address.scheme.lowercased())
    else {
      url = reference.url
      credential = nil
      return
    }
    let server = address.server
    url = address.text(as: nil)
    let token = access.tokens[String(address.host)] ?? access.tokens[""]
    var words: (user: String, password: String)?
    if let user = address.user {
      let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      words = (Self.plain(parts[0]), parts.count > 1 ? Self.plain(parts[1]) : "")
    } else if let token {
      words = ("x-access-token", token)
    }
    guard let words else {
      credential = nil
      return
    }
    let isPlain = server.utf8.allSatisfy { byte in
      isLetterOrDigit(byte) || ".-_:[]/".utf8.contains(byte)
    }
    guard isPlain, !(words.user + words.password).unicodeScalars.contains(where: { $0.value < 32 })
    else {
      throw .failed(
        reference.shown,
        reason: "its name, its password or its host has signs that git cannot take",
        isTooLong: false)
    }
    credential = GitCredential(server: server, user: words.user, password: words.password)
  }

  private static func plain(_ text: Substring) -> String { percentDecoded(text) ?? String(text) }
}
