// Every kind of fault has an explanation whose examples are what they say they are, and the words of
// each kind are golden.

import Diagnostics
import Testing

@testable import Compose

@Suite("each kind of fault is explained by examples that are loaded here")
struct ExplanationTests {
  @Test("the wrong example has the fault, the right one has it not", arguments: FaultKind.allCases)
  func examples(kind: FaultKind) {
    let explanation = kind.explanation
    let wrong = codes(of: explanation.wrong, of: kind, isWrong: true)
    #expect(wrong.contains(kind.code), "\(kind): \(wrong)")
    let right = codes(of: explanation.right, of: kind, isWrong: false)
    #expect(!right.contains(kind.code), "\(kind): \(right)")
    #expect(!right.contains { $0 < "B0170" }, "\(kind): \(right)")
  }

  @Test(
    "the words are for people: a title in lower case, a text with full stops",
    arguments: FaultKind.allCases)
  func words(kind: FaultKind) {
    let explanation = kind.explanation
    #expect(explanation.title.first?.isUppercase == false)
    #expect(explanation.title.last != ".")
    #expect(explanation.text.last == ".")
    #expect(!explanation.text.contains("\n"))
  }

  @Test("codes are found as people type them")
  func codes() {
    #expect(Explanation.of("b110")?.code == "B0110")
    #expect(Explanation.of("0110")?.code == "B0110")
    #expect(Explanation.of("B0110")?.title == "a key is not known")
    #expect(Explanation.of("B9999") == nil)
    #expect(Explanation.of("x") == nil)
    #expect(Set(Explanation.all.map(\.code)).count == FaultKind.allCases.count)
  }

  @Test("the message of each wrong example, to the letter", arguments: FaultKind.allCases)
  func messages(kind: FaultKind) throws {
    let found = diagnostics(of: kind.explanation.wrong, of: kind, isWrong: true)
    let first = try #require(found.first { $0.code == kind.code })
    #expect(shown([first]) == goldenMessages[kind])
  }

  private func codes(of example: String, of kind: FaultKind, isWrong: Bool) -> Set<String> {
    Set(diagnostics(of: example, of: kind, isWrong: isWrong).compactMap(\.code))
  }

  private func diagnostics(of example: String, of kind: FaultKind, isWrong: Bool) -> [Diagnostic] {
    var folder = Folder(files(example))
    if kind == .foreignFolder, isWrong { folder.foreign = ["/shop"] }
    if kind == .linkedFolder { folder.links = ["/shop": "/srv/shop-2"] }
    var options = ProjectOptions(workingDirectory: "/shop", environment: [:])
    if kind == .projectName { options.projectName = isWrong ? "My.Shop" : "my-shop" }
    if kind == .noService { options.services = ["wbe"] }
    let outcome = ProjectLoader.attempt(options, reading: folder)
    var diagnostics = outcome.faults + outcome.warnings
    diagnostics += outcome.loaded?.project.unsupportedByUp() ?? []
    if kind == .notSet, let project = outcome.loaded?.project {
      do { _ = try project.explain("services.web.init") } catch { diagnostics += error.diagnostics }
    }
    return diagnostics
  }

  private func files(_ example: String) -> [String: String] {
    guard !example.isEmpty else { return [:] }
    var files: [String: String] = [:]
    var name = "compose.yaml"
    for line in example.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("# file: ") {
        name = String(line.dropFirst("# file: ".count))
      } else {
        files[name, default: ""] += line + "\n"
      }
    }
    return files
  }
}
