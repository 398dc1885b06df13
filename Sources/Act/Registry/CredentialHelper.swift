// A program `docker-credential-NAME` that keeps passwords: a verb as argument, a server or a JSON text
// on its input, JSON or a sentence of failure on its output.

import CLinux
import Glibc
import JSON
import Linux
import SystemPackage

struct CredentialHelper: Sendable {
  /// Some open a window and wait for a person.
  static let patience = Duration.seconds(60)
  private static let answerLimit = 64 << 10
  private static let notFound = "credentials not found in native keychain"
  /// The user name that says: the secret is an identity token.
  static let tokenName = "<token>"

  let name: String
  /// The program gets all of it and is looked up in its PATH.
  let environment: [String: String]
  var patience = CredentialHelper.patience

  /// Nil when the program has nothing for the registry. Blocks, as the others do.
  func get(_ key: CredentialKey) throws -> Credential? {
    let answer = try run("get", Array(key.server.utf8), key)
    if answer.status != 0 {
      if answer.text.contains(Self.notFound) { return nil }
      throw failure("get", key, answer)
    }
    // What is no JSON is not shown: a secret may be in it.
    guard let value = try? JSONValue(parsing: answer.output),
      let username = value["Username"]?.string, let secret = value["Secret"]?.string
    else {
      throw CredentialFault.helperFailed(
        helper: name, verb: "get", registry: key.registry,
        reason: "it does not answer with a user name and a secret")
    }
    if username == Self.tokenName {
      return Credential(username: "", password: "", identityToken: secret)
    }
    return username.isEmpty ? nil : Credential(username: username, password: secret)
  }

  func store(_ credential: Credential, for key: CredentialKey) throws {
    let isToken = credential.identityToken != nil
    let entry: JSONValue = [
      "ServerURL": .string(key.server),
      "Username": .string(isToken ? Self.tokenName : credential.username),
      "Secret": .string(credential.identityToken ?? credential.password),
    ]
    let answer = try run("store", entry.bytes(), key)
    if answer.status != 0 { throw failure("store", key, answer) }
  }

  /// What is not there is erased already.
  func erase(_ key: CredentialKey) throws {
    let answer = try run("erase", Array(key.server.utf8), key)
    if answer.status != 0, !answer.text.contains(Self.notFound) {
      throw failure("erase", key, answer)
    }
  }

  private func failure(_ verb: String, _ key: CredentialKey, _ answer: Answer) -> CredentialFault {
    let words = answer.text.split(whereSeparator: \.isNewline).joined(separator: ", ")
    return .helperFailed(
      helper: name, verb: verb, registry: key.registry,
      reason: words.isEmpty ? "exit status \(answer.status)" : words)
  }
}

// MARK: - Running it

extension CredentialHelper {
  private struct Answer {
    var status: Int32
    var output: [UInt8]
    var errors: [UInt8]

    /// Programs say on their output what went wrong; scripts on the other stream.
    var text: String {
      let said = output.contains { $0 > 0x20 } ? output : errors
      return String(decoding: said, as: UTF8.self)
    }
  }

  /// The program by PATH; a name with a slash would lead elsewhere.
  private func program(_ key: CredentialKey) throws(CredentialFault) -> FilePath {
    guard let found = findProgram("docker-credential-\(name)", path: environment["PATH"]) else {
      throw .helperMissing(helper: name, registry: key.registry)
    }
    return found
  }

  private func run(_ verb: String, _ input: [UInt8], _ key: CredentialKey) throws -> Answer {
    let program = try program(key)
    let source = try Self.holding(input)
    let output = try Linux.Descriptor.pipe()
    let errors = try Linux.Descriptor.pipe()
    let pid = try spawn(
      program, ["docker-credential-\(name)", verb],
      environment: environment.map { "\($0.key)=\($0.value)" },
      descriptors: [
        (source.raw, 0), (output.writing.raw, 1), (errors.writing.raw, 2),
      ])
    let said: ProgramOutput
    do {
      said = try gatherOutput(
        of: pid, output.reading, errors.reading, limit: Self.answerLimit, patience: patience)
    } catch {
      _ = end(pid)
      throw error
    }
    let status = said.hasEnded ? reap(pid) : end(pid)
    guard said.hasEnded else {
      throw CredentialFault.helperSlow(
        helper: name, registry: key.registry, seconds: Int(patience.components.seconds))
    }
    return Answer(status: status, output: said.output, errors: said.errors)
  }

  /// The reading end of a pipe that holds all of `input` and its end: nobody waits for a program that
  /// does not read.
  private static func holding(_ input: [UInt8]) throws(SystemCallError) -> Linux.Descriptor {
    let pipe = try Linux.Descriptor.pipe()
    try pipe.writing.setNonBlocking(true)
    try pipe.writing.writeAll(input)
    return try pipe.reading.duplicate()
  }

  /// Ends the program with all that it started: it has a process group of its own.
  private func end(_ pid: pid_t) -> Int32 {
    kill(-pid, SIGKILL)
    return reap(pid)
  }

  private func reap(_ pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
