// TAB: `berth completion` prints what a shell needs, and that asks `berth __complete` for words.

import ArgumentParser
import Console

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Print the completion script of a shell")

  @Flag(help: "Offer words without saying what they are")
  var noDescriptions = false
  @Argument(
    help: "bash, zsh or fish", completion: .list(Shell.allCases.map(\.rawValue)))
  var shell: String

  func run() throws {
    guard let shell = Shell(rawValue: shell) else {
      throw UsageFault(
        shell == "powershell"
          ? "there is no completion for powershell" : "unknown shell `\(shell)`",
        hint: "choose bash, zsh or fish")
    }
    Output.standard.write(shell.script(descriptions: !noDescriptions))
  }
}

/// Answers a shell, or docker's client in its place. Not a verb like the others: no parser is built.
enum CompletionRequest {
  /// - Parameter arguments: of the program; nil is answered when they are no question of a shell.
  static func answer(_ arguments: [String]) -> String? {
    guard let first = arguments.first, first == "__complete" || first == "__completeNoDesc" else {
      return nil
    }
    return Completions(Array(arguments.dropFirst())).text(descriptions: first == "__complete")
  }
}
