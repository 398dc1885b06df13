// What a verb takes, as its declaration says it: the one source of completion, help, the manual and
// what is suggested for a mistyped flag.

import ArgumentParser
import JSON

/// The flags, options and arguments of one verb.
struct Declaration: Sendable {
  struct Argument: Sendable {
    enum Kind: String, Sendable {
      case flag
      case option
      case positional
    }

    /// What TAB offers in its place.
    enum Completion: Sendable, Equatable {
      case none
      case list([String])
      case files(extensions: [String])
      case folders
      case offer(Offer)
    }

    var kind: Kind
    /// As typed, dashes and all; short ones first.
    var names: [String]
    var valueName: String
    var abstract: String
    var defaultValue: String?
    var isOptional: Bool
    var isRepeating: Bool
    var isHidden: Bool
    /// Takes all that follows as it is: the command of `exec`.
    var takesRest: Bool
    var completion: Completion

    /// The name that help and hints use.
    var name: String { names.last ?? valueName }
  }

  var arguments: [Argument]

  var named: [Argument] { arguments.filter { $0.kind != .positional } }
  var positionals: [Argument] { arguments.filter { $0.kind == .positional } }

  /// - Parameter type: a verb, or a group of flags. Its subcommands are left out.
  init(of type: any ParsableArguments.Type) {
    // The parser tells its declarations in no other way. Its own text, so it is always whole.
    let text = Array(type._dumpHelp().utf8)
    let document = try? JSONValue(parsing: text)
    arguments = (document?["command"]?["arguments"]?.array ?? []).compactMap(Argument.init)
  }

  func argument(spelled name: String) -> Argument? {
    arguments.first { $0.names.contains(name) }
  }
}

extension Declaration.Argument {
  fileprivate init?(_ value: JSONValue) {
    guard let kind = value["kind"]?.string.flatMap(Kind.init(rawValue:)) else { return nil }
    self.kind = kind
    names = (value["names"]?.array ?? []).compactMap { name in
      guard let text = name["name"]?.string else { return nil }
      return (name["kind"]?.string == "long" ? "--" : "-") + text
    }.sorted { ($0.utf8.count > 2 ? 1 : 0, $0) < ($1.utf8.count > 2 ? 1 : 0, $1) }
    valueName = value["valueName"]?.string ?? ""
    // The parser's own, of `--help`, ends with a full stop.
    abstract = value["abstract"]?.string ?? ""
    if abstract.hasSuffix(".") { abstract.removeLast() }
    defaultValue = value["defaultValue"]?.string
    isOptional = value["isOptional"]?.bool ?? false
    isRepeating = value["isRepeating"]?.bool ?? false
    isHidden = value["shouldDisplay"]?.bool == false
    takesRest = value["parsingStrategy"]?.string == "allRemainingInput"
    completion = Completion(value["completionKind"])
  }
}

extension Declaration.Argument.Completion {
  fileprivate init(_ value: JSONValue?) {
    if let list = value?["list"]?["values"]?.array {
      self = .list(list.compactMap(\.string))
    } else if let extensions = value?["file"]?["extensions"]?.array {
      self = .files(extensions: extensions.compactMap(\.string))
    } else if value?["directory"] != nil {
      self = .folders
    } else if let name = value?["shellCommand"]?["command"]?.string,
      let offer = Offer(rawValue: name)
    {
      self = .offer(offer)
    } else {
      self = .none
    }
  }
}

/// Things of this machine that TAB offers.
enum Offer: String, Sendable {
  case services
  case images
  case servicesOrImages
  case servicesOrFiles
  case networks
  case containers
}

extension CompletionKind {
  /// In a declaration: what is offered is looked up by `berth __complete`.
  static func custom(_ offer: Offer) -> CompletionKind { .shellCommand(offer.rawValue) }
}

let completeServices = Offer.services
let completeImages = Offer.images
let completeServicesOrImages = Offer.servicesOrImages
let completeServicesOrFiles = Offer.servicesOrFiles
let completeNetworks = Offer.networks
let completeContainers = Offer.containers
