// TAB behind a verb: the services of the project in this folder, or the images of this machine.

import ArgumentParser
import Console
import Engine
import Linux
import SystemPackage

/// Never says why it has nothing to offer: there is no place for messages behind TAB.
@Sendable func completeServices(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
  let split = SplitArguments(Array(words.dropFirst()))
  guard let global = try? GlobalSettings(parsing: split.global),
    let invocation = try? Invocation(global: global),
    let view = try? ConfigView(invocation.request(file: .required), switches: ConfigSwitches())
  else { return [] }
  return view.services
}

@Sendable func completeImages(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
  completeStock(words) { try $0.imageNames() }
}

@Sendable func completeServicesOrImages(_ words: [String], _ index: Int, _ prefix: String)
  -> [String]
{
  let isOfAll = words.contains("--all") || words.contains("-a")
  return isOfAll
    ? completeImages(words, index, prefix) : completeServices(words, index, prefix)
}

/// `web:` for a path of a container, and files of this machine.
@Sendable func completeServicesOrFiles(_ words: [String], _ index: Int, _ prefix: String)
  -> [String]
{
  if prefix.contains(":") { return [] }
  let folder = String(
    prefix[
      ..<(prefix.lastIndex(of: "/").map { prefix.index(after: $0) }
        ?? prefix.startIndex)])
  // What cannot be listed has nothing to offer.
  let names = (try? namesInFolder(FilePath(folder.isEmpty ? "." : folder))) ?? []
  let services =
    folder.isEmpty ? completeServices(words, index, prefix).map { $0 + ":" } : []
  return services + names.map { folder + $0.string }.filter { $0.hasPrefix(prefix) }.sorted()
}

@Sendable func completeNetworks(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
  completeStock(words) { try $0.networks().map(\.name) }
}

@Sendable func completeContainers(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
  completeStock(words) { try $0.containerNames() }
}

private func completeStock(_ words: [String], _ names: (Stock) throws -> [String]) -> [String] {
  let split = SplitArguments(Array(words.dropFirst()))
  guard let global = try? GlobalSettings(parsing: split.global),
    let invocation = try? Invocation(global: global),
    let found = try? names(Stock(invocation.hostProfile()))
  else { return [] }
  return found
}
