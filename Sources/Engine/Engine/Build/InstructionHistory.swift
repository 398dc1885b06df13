// What the history of an image says of an instruction, in the words that docker's builder writes.

import Dockerfile
import Templating

extension Instruction {
  /// Of one that changes the config alone; values are those after expansion.
  func history(_ state: StageState, _ expansion: Expansion) throws -> String {
    func text(_ word: Word) throws -> String { try state.text(word, expansion) }
    switch kind {
    case .environment(let pairs), .label(let pairs):
      let written = try pairs.map { "\(try text($0.name))=\(try text($0.value))" }
      return "\(name) \(written.joined(separator: " "))"
    case .command(let form), .entrypoint(let form):
      let words: [String]
      switch form {
      case .exec(let list): words = list
      case .shell(let line): words = state.config.shell + [line]
      }
      return "\(name) [\(words.map(goQuoted).joined(separator: " "))]"
    case .shell(let words): return "SHELL [\(words.joined(separator: " "))]"
    case .user(let word): return "USER \(try text(word))"
    case .stopSignal(let word): return "STOPSIGNAL \(try text(word))"
    case .volume(let paths): return "VOLUME [\(try paths.map(text).joined(separator: " "))]"
    case .expose(let ports):
      let words = try ports.flatMap { try state.words($0, expansion) }
      let named = words.map { "\(ExposedPort($0)?.name ?? $0):{}" }
      return "EXPOSE map[\(named.joined(separator: " "))]"
    case .onBuild(let trigger): return "ONBUILD \(trigger)"
    case .healthcheck, .run, .copy, .argument, .maintainer, .workingDirectory: return self.text
    }
  }
}
