// `berth login` and `berth logout`.

import ArgumentParser
import Console
import Diagnostics
import Engine
import Linux

struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Log in to a registry, and keep the password for pull and push")

  @Option(name: .shortAndLong, help: "User name")
  var username: String?
  @Option(name: .shortAndLong, help: "Password; others on this machine can see it while this runs")
  var password: String?
  @Flag(help: "Read the password from standard input")
  var passwordStdin = false
  @Argument(help: "HOST or HOST:PORT of the registry; Docker Hub when left out")
  var server: String?

  func run() async throws {
    let invocation = try Invocation.now()
    let target = try LoginTarget(server)
    if password != nil, passwordStdin {
      throw UsageFault("`--password` and `--password-stdin` exclude each other")
    }
    if passwordStdin, username == nil {
      throw UsageFault("`--password-stdin` needs `--username`")
    }
    if password != nil {
      invocation.show([
        Diagnostic(
          "a password on the command line can be seen by others", severity: .warning,
          hint: "give it by `--password-stdin`")
      ])
    }
    if username == nil, password == nil, try await usesStored(target, invocation) { return }
    let request = LoginRequest(
      target, username: try await name(target), password: try await secret(),
      environment: invocation.environment)
    if case .file(let path) = try await login(request) {
      invocation.show([
        Diagnostic(
          "the password is stored unencrypted in `\(path)`", severity: .warning,
          hint: "a credential helper keeps it safe: name one there as `credsStore`")
      ])
    }
    Output.standard.line("Login Succeeded")
  }

  /// Who asks for no other name goes on with the one that is stored, if it is still good.
  private func usesStored(_ target: LoginTarget, _ invocation: Invocation) async throws -> Bool {
    do {
      guard let user = try await loginAgain(target, environment: invocation.environment) else {
        return false
      }
      Output.error.line(
        user.isEmpty
          ? "Logged in to `\(target.name)` with the stored token"
          : "Logged in to `\(target.name)` as the stored user `\(printable(user))`")
      Output.standard.line("Login Succeeded")
      return true
    } catch let fault as any Diagnosable where isInputTerminal() {
      invocation.show(
        fault.diagnostics.map { diagnostic in
          var warning = diagnostic
          warning.severity = .warning
          warning.hint = nil
          return warning
        })
      return false
    }
  }

  private func name(_ target: LoginTarget) async throws -> String {
    if let username {
      guard !username.isEmpty else { throw UsageFault("the user name is empty") }
      return username
    }
    try needTerminal()
    let answer = try await blocking { Prompt.line("Username for `\(target.name)`: ") }
    guard let answer, !answer.isEmpty else { throw UsageFault("no user name was given") }
    return answer
  }

  private func secret() async throws -> String {
    let given: String?
    if passwordStdin {
      given = try await blocking { Prompt.wholeInput() }
    } else if let password {
      given = password
    } else {
      try needTerminal()
      given = try await blocking { Prompt.secret("Password: ") }
    }
    guard let given, !given.isEmpty else { throw UsageFault("no password was given") }
    return given
  }

  private func needTerminal() throws {
    guard isInputTerminal() else {
      throw UsageFault(
        "standard input is no terminal to ask for the name and password at",
        hint: "give them by `--username` and `--password-stdin`")
    }
  }
}

struct LogoutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Forget the password for a registry")

  @Argument(help: "HOST or HOST:PORT of the registry; Docker Hub when left out")
  var server: String?

  func run() async throws {
    let invocation = try Invocation.now()
    let target = try LoginTarget(server)
    try await logout(target, environment: invocation.environment)
    Output.standard.line("Removed login credentials for \(target.name)")
  }
}
