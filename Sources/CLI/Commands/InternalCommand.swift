// What berth's own programs and scripts ask of it; not for people.

import ArgumentParser
import Console
import Engine

struct InternalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "internal", abstract: "For berth's own programs", shouldDisplay: false,
    subcommands: [Release.self, Manual.self, Declarations.self])

  /// A shim's last word: the network rules of its container are not needed any more.
  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "release")

    @Argument var id: String

    func run() async throws {
      try releaseContainer(id, host: try Invocation.now().hostProfile())
    }
  }

  /// Writes the manual pages into a folder.
  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "manual")

    @Argument(completion: .directory) var folder: String

    func run() throws {
      for page in ManualPage.all {
        try writeOutputFile(Array(page.text.utf8), to: "\(folder)/\(page.name).1")
      }
    }
  }

  /// All that is declared, one flag or argument on a line: the verb, its kind, its names and whether it
  /// is shown, with tabs between. What `docs/commands.md` is compared with.
  struct Declarations: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "declarations")

    func run() throws {
      show("", Declaration(of: GlobalOptions.self))
      for type in allVerbs {
        let name = type.configuration.commandName ?? ""
        let isShown = type.configuration.shouldDisplay
        show(name, type, isShown)
        for below in type.configuration.subcommands {
          show("\(name) \(below.configuration.commandName ?? "")", below, isShown)
        }
      }
    }

    private func show(_ verb: String, _ type: any ParsableCommand.Type, _ isShown: Bool) {
      let word = isShown && type.configuration.shouldDisplay ? "shown" : "hidden"
      Output.standard.line("\(verb)\tverb\t\(verb)\t\(word)")
      show(verb, Declaration(of: type))
    }

    private func show(_ verb: String, _ declaration: Declaration) {
      for argument in declaration.arguments where argument.names != ["-h", "--help"] {
        let names =
          argument.names.isEmpty ? argument.valueName : argument.names.joined(separator: " ")
        let isShown = argument.isHidden ? "hidden" : "shown"
        Output.standard.line("\(verb)\t\(argument.kind.rawValue)\t\(names)\t\(isShown)")
      }
    }
  }
}
