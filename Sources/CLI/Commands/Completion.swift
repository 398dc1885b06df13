// TAB behind a verb: the services of the project in this folder.

import ArgumentParser
import Console
import Engine

/// Never says why it has nothing to offer: there is no place for messages behind TAB.
@Sendable func completeServices(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
  let split = SplitArguments(Array(words.dropFirst()))
  guard let global = try? GlobalSettings(parsing: split.global),
    let invocation = try? Invocation(global: global),
    let view = try? ConfigView(invocation.request(file: .required), switches: ConfigSwitches())
  else { return [] }
  return view.services
}
