// `berth explain B0110`: a kind of fault at leisure.

import ArgumentParser
import Compose
import Console
import Diagnostics

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain the code of a message, such as B0110",
    discussion: "Without a code it lists all of them.")

  @Argument(help: "The code, as messages show it in brackets", completion: .list(codes))
  var code: String?

  private static let codes = Explanation.all.map(\.code)

  func run() throws {
    let style = try Invocation.now().outputStyle
    guard let code else {
      for explanation in Explanation.all {
        Output.standard.line("\(style.bold(explanation.code))  \(explanation.title)")
      }
      return
    }
    guard let explanation = Explanation.of(code) else {
      throw UsageFault(
        "there is no code `\(code)`",
        hint: nearest(to: code, among: Self.codes).map { "did you mean `\($0)`?" }
          ?? "`berth explain` lists all codes")
    }
    Output.standard.write(text(of: explanation, style: style))
  }
}
