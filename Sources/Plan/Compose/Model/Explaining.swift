// What `config --explain` tells: for each value which file and line set it, appended to it or
// overrode it, and the variables that went into it.

package import Diagnostics
import JSON
import YAML

/// How one value of the project came to be.
package struct ValueStory: Sendable {
  package struct Step: Sendable {
    /// What the text did, in words: `set by`, `overridden by`, …
    package var verb: String
    /// nil: no text says so, it is a default.
    package var span: SourceSpan?
    /// The line that `span` points at, without its indent.
    package var excerpt: String?
    package var inputs: [VariableInput]
  }

  /// Keys from the root, joined by dots; items of lists by their number from 0.
  package var path: String
  /// Compact JSON of a scalar or of what one text stands for; nil for a mapping or list whose parts
  /// have stories of their own.
  package var value: String?
  /// In the order of the files; at least one.
  package var steps: [Step]
}

extension Project {
  /// The stories of the value at a path, such as `services.web.ports`, and of all that is in it. They
  /// are whole only when the load kept them (`ProjectOptions.keepsStories`).
  package func explain(_ path: String) throws(Faults) -> [ValueStory] {
    // `ports[0]` is as good as `ports.0`.
    let plain = String(path.compactMap { $0 == "[" ? "." : $0 == "]" ? nil : $0 })
    var rest = plain.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if path.isEmpty { rest = [] }
    var node = model
    var walked: [String] = []
    while !rest.isEmpty {
      guard let (key, next) = step(into: node, &rest) else {
        let findings = Findings()
        findings.add(notThere(rest[0], below: walked, of: node, path))
        throw Faults(findings.diagnostics(sources))
      }
      walked.append(key)
      // What one text stands for has the story of that text.
      let story = next.story.isEmpty && node.isOfOnePiece ? node.steps : next.story
      node = next
      node.story = story
    }
    var stories: [ValueStory] = []
    var lines: [Int32: YAMLLines] = [:]
    tell(node, walked, &stories, &lines)
    return stories
  }

  /// The text that set the value at a path of keys; of what it stands in, where no text says the value
  /// alone. Nil for what has no place at all.
  package func place(of path: [String]) -> SourceSpan? {
    var node = model
    var place: SourceSpan?
    for key in path {
      guard let inner = node.member(key) else { break }
      node = inner
      place = sources.span(node.origin) ?? place
    }
    return place
  }

  /// The member that the path goes on with. Keys may hold dots: the longest one that fits is meant.
  private func step(into node: Node, _ rest: inout [String]) -> (String, Node)? {
    for length in (1...rest.count).reversed() {
      let key = rest.prefix(length).joined(separator: ".")
      guard let inner = node.member(key) else { continue }
      rest.removeFirst(length)
      return (key, inner)
    }
    return nil
  }

  private func notThere(
    _ key: String, below walked: [String], of node: Node, _ path: String
  ) -> Fault {
    for step in node.story {
      guard case .removed(key) = step.verb else { continue }
      return Fault(
        .notSet, "`\(path)` is not set: it is taken out by `!reset`", at: step.origin)
    }
    var known = node.map?.entries.map(\.key) ?? []
    if let count = node.list?.count { known = (0..<count).map { "\($0)" } }
    var shape: Shape? = .record(Tables.file)
    for key in walked { shape = shape?.mapShape?.member(key)?.0 ?? shape?.itemShape }
    let names = shape?.record?.attributes.map(\.name) ?? []
    if let fault = consumed(key, below: walked, path) { return fault }
    if names.contains(key) {
      return Fault(.notSet, "`\(path)` is not set by any file", hint: "it has its default")
    }
    let place = walked.isEmpty ? "the project" : "`\(joined(walked))`"
    let list = known.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
    return Fault(
      .notSet, "\(place) has no `\(key)`",
      hint: (node.list == nil ? suggestion(key, known + names) : nil)
        ?? (known.isEmpty ? nil : "it has \(list)"))
  }

  /// Keys that are there in the files but not in the project any more, and services that are off.
  private func consumed(_ key: String, below walked: [String], _ path: String) -> Fault? {
    if walked.first == "services", walked.count == 2 {
      switch key {
      case "env_file", "label_file":
        let target = key == "env_file" ? "environment" : "labels"
        return Fault(
          .notSet, "`\(path)` is part of `\(target)` by now",
          hint: "ask for `\(joined(walked)).\(target)`")
      case "extends":
        return Fault(
          .notSet, "`\(path)` is part of the service by now", hint: "ask for `\(joined(walked))`")
      default: return nil
      }
    }
    if walked.isEmpty, key == "include" {
      return Fault(.notSet, "what `include` names is part of the project by now")
    }
    if walked == ["services"], let service = disabledServices.first(where: { $0.name == key }) {
      return Fault(
        .notSet, "service `\(key)` is off",
        hint: "enable it by `--profile \(service.profiles.first ?? "")`")
    }
    if walked.isEmpty, self.service(key) != nil {
      return Fault(
        .notSet, "the project has no `\(key)`", hint: "did you mean `services.\(path)`?")
    }
    return nil
  }

  private func tell(
    _ node: Node, _ path: [String], _ stories: inout [ValueStory],
    _ lines: inout [Int32: YAMLLines]
  ) {
    let isWhole = node.isOfOnePiece
    if isWhole || node.steps.count > 1 || path.isEmpty {
      let value = isWhole ? String(decoding: plainJSON(node), as: UTF8.self) : nil
      stories.append(
        ValueStory(
          path: joined(path), value: value, steps: node.steps.map { shown($0, &lines) }))
    }
    if isWhole { return }
    for entry in node.map?.entries ?? [] {
      tell(entry.node, path + [entry.key], &stories, &lines)
    }
    for (index, item) in (node.list ?? []).enumerated() {
      tell(item, path + ["\(index)"], &stories, &lines)
    }
  }

  private func plainJSON(_ node: Node) -> [UInt8] { Printer(isJSON: true).plain(node).bytes() }

  private func shown(_ step: Step, _ lines: inout [Int32: YAMLLines]) -> ValueStory.Step {
    let verb =
      switch step.verb {
      case .set:
        sources.span(step.origin) == nil && step.uses.isEmpty ? "by default" : "set by"
      case .overrode: "overridden by"
      case .appended: "appended to by"
      case .merged: "merged with"
      case .replaced: "replaced by"
      case .removed(let key): "`\(key)` removed by"
      }
    let excerpt = sources.excerpt(step.origin, &lines).map { line in
      String(line.drop { $0 == " " || $0 == "\t" })
    }
    return ValueStory.Step(
      verb: verb, span: sources.span(step.origin), excerpt: excerpt, inputs: step.uses)
  }
}

extension Node {
  /// Whether one place in the text says all of it: a scalar, an empty value, or a short form.
  fileprivate var isOfOnePiece: Bool {
    switch value {
    case .list(let items): items.allSatisfy { $0.isAt(origin) }
    case .map(let fields): fields.entries.allSatisfy { $0.node.isAt(origin) }
    default: true
    }
  }

  private func isAt(_ place: Origin) -> Bool {
    (origin == place || origin == .none) && story.count <= 1 && isOfOnePiece
  }
}
