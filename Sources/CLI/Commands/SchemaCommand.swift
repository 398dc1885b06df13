// `berth schema`: what a compose file may hold, for editors.

import ArgumentParser
import Compose
import Console
import JSON

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON schema of compose files, for editors")

  @Option(name: .shortAndLong, help: "Write to this file", completion: .file())
  var output: String?

  func run() throws {
    let text = composeFileSchema.bytes(JSONStyle(indent: 2)) + [UInt8(ascii: "\n")]
    if let output {
      try writeOutputFile(text, to: output)
    } else {
      Output.standard.write(text)
    }
  }
}
