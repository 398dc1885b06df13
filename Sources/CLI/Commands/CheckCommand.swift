// `berth check`: all that is wrong with the project's files, for people and for editors.

import ArgumentParser
import Compose
import Console
import Diagnostics
import Engine

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tell all that is wrong with the compose files",
    discussion: """
      Tells faults, what `up` would refuse, and warnings, all at once, and starts nothing. The exit \
      status is 1 when there are faults. `--format json` prints a list of PublishDiagnosticsParams \
      of the Language Server Protocol, one for each file that was read.
      """)

  @Option(help: "text or json")
  var format = "text"
  @Argument(help: "Services", completion: .custom(completeServices))
  var service: [String] = []

  func run() async throws {
    guard ["text", "json"].contains(format) else {
      throw UsageFault("unknown format `\(format)`", hint: "choose text or json")
    }
    let invocation = try Invocation.now()
    let view = CheckView(invocation.request(file: .required, services: service))
    if format == "json" {
      Output.standard.write(view.languageServerJSON)
    } else {
      invocation.show(view.diagnostics)
      Output.standard.line(summary(view))
    }
    if view.isFaulty { throw ExitStatus(1) }
  }

  private func summary(_ view: CheckView) -> String {
    let errors = view.diagnostics.count { $0.severity == .error }
    let warnings = view.diagnostics.count - errors
    let files = view.files.isEmpty ? "no file" : view.files.joined(separator: ", ")
    let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
      .map {
        "\($0.0)\($0.0 >= LoadOutcome.limit ? " or more" : "") \($0.1)\($0.0 == 1 ? "" : "s")"
      }
    return
      "\(printable(files)): \(counts.isEmpty ? "nothing wrong" : counts.joined(separator: ", "))"
  }
}
