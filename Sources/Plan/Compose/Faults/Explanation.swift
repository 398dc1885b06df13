// What `berth explain CODE` tells of a kind of fault: what it means, and an example of it beside the
// same text put right. Tests load every example.

/// A kind of fault or warning, told at leisure.
package struct Explanation: Sendable {
  /// A few files as one text: the first is `compose.yaml`, others begin with `# file: NAME`.
  package typealias Example = String

  package var code: String
  package var title: String
  package var text: String
  package var wrong: Example
  package var right: Example
  /// What is typed where it is not `berth config`.
  package var command: String?

  /// The explanation of a code such as `B0110`; nil for a code that there is none of.
  package static func of(_ code: String) -> Explanation? {
    FaultKind(code: code).map { $0.explanation }
  }

  /// All kinds, in the order of their codes.
  package static var all: [Explanation] { FaultKind.allCases.map(\.explanation) }
}

extension FaultKind {
  var explanation: Explanation {
    let entry = entry
    return Explanation(
      code: code, title: entry.title, text: entry.text, wrong: entry.wrong, right: entry.right,
      command: entry.command)
  }

  struct Entry {
    var title: String
    var text: String
    var wrong: String
    var right: String
    var command: String?

    init(
      _ title: String, _ text: String, wrong: String, right: String, command: String? = nil
    ) {
      self.title = title
      self.text = text
      self.wrong = wrong
      self.right = right
      self.command = command
    }
  }

  private var entry: Entry {
    switch self {
    case .syntax, .duplicateKey, .keyNotText, .alias, .mergeKey, .textLimit: textEntry
    case .unknownKey, .wrongType, .missingKey, .notOneOf, .duplicateItem, .badName, .badValue,
      .outOfRange:
      shapeEntry
    case .interpolation, .requiredVariable, .cast, .merge, .extends, .include: layerEntry
    case .undefinedReference, .missingImage, .conflict, .cycle, .disabledDependency: fitEntry
    case .unreadable, .environmentFile, .projectName, .noFile, .noService, .remoteFile, .notSet:
      placeEntry
    case .unsupported, .noEffect, .obsolete, .unsetVariable, .oldBoolean, .severalFiles,
      .foreignFolder, .linkedFolder, .unknownTag, .cutCommand:
      softEntry
    }
  }
}
