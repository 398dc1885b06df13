// `berth system`: what is about all projects of this machine.

import ArgumentParser
import Console
import Engine
import Host

struct SystemCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "system", abstract: "Look after all projects of this machine",
    subcommands: [SystemResumeCommand.self])
}

struct SystemResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "After a boot: start what is to run always",
    discussion: """
      Starts the containers of all projects whose restart policy is `always`, and those with \
      `unless-stopped` that were not stopped by hand, what others depend on first. What fails keeps \
      nothing else from starting. A boot calls it, by berth-resume.service or by the init script \
      of the same name.
      """)

  func run() async throws {
    let invocation = try Invocation.now()
    let host = try invocation.hostProfile()
    try host.requirePrivilege(for: "system resume")
    let isDryRun = invocation.global.dryRun
    let progress = invocation.progress("system resume")
    let resumption = Resumption(invocation.request(file: .unused), host: host) { event in
      invocation.show(event, progress)
    }
    if isDryRun {
      for (project, containers) in try await resumption.due() {
        for name in containers { Output.standard.line("\(project): start container \(name)") }
      }
      return
    }
    try await finishing(progress) { try await resumption.run() }
  }
}
