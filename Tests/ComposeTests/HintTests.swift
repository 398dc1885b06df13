// What the messages tell to type, and what they leave out because it is told already.

import Diagnostics
import Testing

@testable import Compose

@Suite("a message says what to type")
struct HintTests {
  /// label, what stands in the service `web`, the hint
  static let hints: [(String, String, String)] = [
    ("a number is quoted as it was written", "hostname: 1.10", "put it in quotes: \"1.10\""),
    ("so is an octal one", "user: 0777", "put it in quotes: \"0777\""),
    ("a duration lacks its unit", "stop_grace_period: 10", "give the unit: \"10s\""),
    ("a boolean that is a word", "restart: false", "put it in quotes: \"no\""),
    ("one port", "ports: 80:80", "write a list: [\"80:80\"]"),
    (
      "a port with a space", "ports: [{80: 80}]",
      "put it in quotes: \"80\", or leave out the space behind the colon: \"80:80\""
    ),
    (
      "a label in two forms", "labels: [{a: b}]",
      "leave out the space behind the colon and put it in quotes: \"a:b\", or write `a=b`"
    ),
    ("what it is called elsewhere", "cmd: x", "did you mean `command`?"),
    ("a source", "volumes: [{type: bind, src: a, target: /b}]", "did you mean `source`?"),
    ("too far left", "interval: 5s", "`interval` belongs under `healthcheck`"),
    ("itself is no candidate", "depends_on: [wbe]", "did you mean `wbx`?"),
    ("a size of another tool", "mem_limit: 64Mi", "write `64Mib`"),
  ]

  @Test("a hint", arguments: hints.indices)
  func hint(index: Int) {
    let (label, service, hint) = Self.hints[index]
    let found = faults(
      "services:\n  web:\n    image: i\n    \(service)\n  wbx: {image: i}\n")
    #expect(found.first?.hint == hint, "\(label): \(found)")
  }

  @Test("a key at the top that belongs to a service")
  func top() {
    #expect(faults("ports: [80]\n").first?.hint == "`ports` belongs to a service")
  }

  @Test("an override of a service that is mistyped")
  func mistyped() {
    let folder = Folder([
      "compose.yaml": "services: {web: {image: i}}\n",
      "compose.override.yaml": "services: {wbe: {tty: true}}\n",
    ])
    #expect(folder.faults().map(\.hint) == ["did you mean `web`?"])
  }

  @Test("a command that a shell would read on is told")
  func commands() throws {
    func warnings(_ command: String) throws -> [String] {
      try loaded("services: {a: {image: i, command: \"\(command)\"}}").warnings.map(\.summary)
    }
    #expect(
      try warnings("echo a; echo b") == [
        "what stands behind `;` in `services.a.command` is left out"
      ])
    #expect(
      try warnings("a && b") == ["what stands behind `&` in `services.a.command` is left out"])
    #expect(try warnings("sh -c 'a; b'").isEmpty)
    #expect(try warnings("echo a;").isEmpty)
  }

  @Test("a variable in a command may be the shell's")
  func shellVariables() throws {
    let warning = try loaded("services: {a: {image: i, command: echo $f}}").warnings.first
    #expect(
      warning?.hint == "write `$$f` if a shell in the container is to read it, or set it in `.env`")
  }

  @Test("tags that nobody knows are told")
  func tags() throws {
    let project = try loaded("services: {a: {image: i, ports: !overide [80]}}")
    #expect(project.warnings.map(\.code) == ["B0176"])
  }
}

@Suite("one mistake is one message")
struct OnceTests {
  static let rows: [(String, String, [String])] = [
    (
      "a fault that three services share",
      "x-b: &b {image: i, prots: []}\nservices: {a: *b, b: *b, c: *b}", ["B0110"]
    ),
    ("an image that is mistyped", "services: {a: {imge: i}}", ["B0110"]),
    ("an extension is no mistyped image", "services: {a: {x-image: i}}", ["B0141"]),
    ("an image of another kind", "services: {a: {image: [i]}}", ["B0111"]),
    ("extends without a service", "services: {a: {extends: {file: b.yaml}}}", ["B0131"]),
    ("an alias behind a merge key", "services: {a: {<<: *b, image: i}}", ["B0104"]),
    ("two keys that lack", "services: {a: {image: i, ulimits: {nofile: {}}}}", ["B0112"]),
  ]

  @Test("a mistake", arguments: rows.indices)
  func once(index: Int) {
    let (label, text, codes) = Self.rows[index]
    #expect(faults(text).compactMap(\.code) == codes, "\(label): \(faults(text))")
  }

  @Test("an extended file that cannot be read is told, and not what it would have had")
  func extended() {
    let folder = Folder([
      "compose.yaml": "services: {a: {extends: {file: b.yaml, service: s}}}\n",
      "b.yaml": "services: [\n",
    ])
    #expect(folder.faults().compactMap(\.code) == ["B0101"])
  }

  @Test("a broken .env is told with the faults of the files, and its variables are not missed")
  func environment() {
    let folder = Folder([
      ".env": "A B=1\n",
      "compose.yaml": "services: {a: {image: \"i:${TAG:?}\", prots: [], command: $X}}\n",
    ])
    #expect(folder.faults().compactMap(\.code) == ["B0151", "B0110"])
  }

  @Test("two files that lack are two faults")
  func twoMissing() {
    let folder = Folder(["compose.yaml": "include: [{path: [m1.yaml, m2.yaml]}]\n"])
    #expect(folder.faults().compactMap(\.code) == ["B0150", "B0150"])
    let labels = Folder(["compose.yaml": "services: {a: {image: i, label_file: [gone]}}\n"])
    #expect(labels.faults().map(\.summary) == ["label file `gone` cannot be read: no such file"])
    #expect(labels.faults().map(\.hint) == ["create it"])
  }

  @Test("what is too much is told once")
  func growth() {
    let ports = (0..<9).map { "\"127.0.0.\($0):1-65535:1-65535\"" }.joined(separator: ", ")
    let services = (0..<9).map { "  s\($0): {image: i, ports: [\(ports)]}\n" }.joined()
    #expect(faults("services:\n" + services).compactMap(\.code) == ["B0117"])
  }

  @Test("a name that cannot be read is told as what it is")
  func name() {
    #expect(faults("name: \"${X:?need}\"\nservices: {}\n").compactMap(\.code) == ["B0121"])
  }

  @Test("a file that is missing leaves the others to be checked")
  func missing() {
    let folder = Folder(["compose.yaml": "services: {a: {image: i, prots: []}}\n"])
    let found = folder.faults { $0.files = ["compose.yaml", "gone.yaml"] }
    #expect(found.compactMap(\.code) == ["B0110", "B0153"])
  }

  @Test("what up would refuse is known beside faults")
  func refusals() {
    let folder = Folder(["compose.yaml": "services: {a: {image: i, uts: own, prots: []}}\n"])
    let options = ProjectOptions(workingDirectory: "/shop", environment: [:])
    let outcome = ProjectLoader.attempt(options, reading: folder)
    #expect(outcome.faults.compactMap(\.code) == ["B0110"])
    #expect(outcome.refusals.map(\.summary) == ["`services.a.uts` cannot be `own` for `up`"])
  }

  @Test("words and images that up cannot act on are told with the value")
  func words() throws {
    let project = try loaded(
      "services: {a: {image: Nginx, network_mode: 'container:', platform: windows/amd64}}"
    ).project
    #expect(
      project.unsupportedByUp().map { "\($0.span?.column ?? 0) \($0.summary) \($0.hint ?? "")" }
        == [
          "23 `services.a.image` is no image that there can be:"
            + " the repository name must be lower case ",
          "44 `services.a.network_mode` cannot be `container:` for `up` write `host`, `none`, `bridge`,"
            + " a network's name, `service:NAME` or `container:NAME`",
          "68 `services.a.platform` is `windows/amd64`, and only images for Linux run here ",
        ])
  }
}
