// `config --explain`: which file and line set a value, appended to it or overrode it, and the
// variables that went into it.

import Diagnostics
import Testing

@testable import Compose

@Suite("a value tells how it came to be")
struct StoryTests {
  private static let folder = Folder([
    ".env": "TAG=1.27\nPORT=8080\n",
    "web.env": "A=0\nZ=9\n",
    "common.yaml": "services:\n  base:\n    image: nginx:${TAG:-1.25}\n    ports: [\"1:1\"]\n",
    "compose.yaml": """
    services:
      web:
        extends: {file: common.yaml, service: base}
        ports: ["${PORT}:80"]
        env_file: web.env
        environment: {A: "1"}
        labels: {a: b}
        volumes: ["data:/data"]
        dns: 1.1.1.1
    volumes: {data: {}}
    """,
    "compose.override.yaml": """
    services:
      web:
        image: nginx:${TAG}
        ports: !override ["9090:90"]
        labels: !reset null
        environment: [HOME]
        volumes: ["./data:/data"]
        dns: [8.8.8.8]
    """,
  ])

  /// One line for each step, as short as it can be said.
  private func story(_ path: String, of folder: Folder = Self.folder) throws -> [String] {
    let project = try folder.load(environment: ["HOME": "/root"]) { $0.keepsStories = true }.project
    return try project.explain(path).flatMap { story in
      story.steps.map { step in
        let place = step.span.map { " \($0.file):\($0.line):\($0.column)" } ?? ""
        let inputs = step.inputs.map { " \($0.name)=\($0.value ?? "unset")<\($0.source ?? "-")" }
        return "\(story.path.split(separator: ".").last ?? ""): \(step.verb)\(place)"
          + inputs.joined()
      }
    }
  }

  @Test("a scalar, through extends and an override, with its variables")
  func scalar() throws {
    #expect(
      try story("services.web.image") == [
        "image: set by common.yaml:3:12 TAG=1.27<.env:1",
        "image: overridden by compose.override.yaml:3:12 TAG=1.27<.env:1",
      ])
  }

  @Test("a list that grew, and one that was replaced")
  func lists() throws {
    #expect(
      try story("services.web.dns") == [
        "dns: set by compose.yaml:9:10", "dns: appended to by compose.override.yaml:8:10",
        "0: set by compose.yaml:9:10", "1: set by compose.override.yaml:8:11",
      ])
    #expect(
      try story("services.web.ports") == [
        "ports: set by common.yaml:4:12", "ports: appended to by compose.yaml:4:12",
        "ports: replaced by compose.override.yaml:4:12", "0: set by compose.override.yaml:4:23",
      ])
  }

  @Test("an item of the same identity wins over the earlier one")
  func identity() throws {
    #expect(
      try story("services.web.volumes.0") == [
        "0: set by compose.yaml:8:15", "0: overridden by compose.override.yaml:7:15",
      ])
  }

  @Test("env files, what the caller's environment gives, and defaults")
  func environment() throws {
    #expect(
      try story("services.web.environment") == [
        "environment: set by compose.yaml:6:18",
        "environment: merged with compose.override.yaml:6:18",
        "A: set by web.env:1:1", "A: overridden by compose.yaml:6:22",
        "Z: set by web.env:2:1",
        "HOME: set by compose.override.yaml:6:19 HOME=/root<the environment",
      ])
    #expect(try story("services.web.networks") == ["networks: by default"])
  }

  @Test("what is not there is told with what is, and with what took it out")
  func absent() {
    func fault(_ path: String) -> Diagnostic? {
      do {
        _ = try story(path)
        return nil
      } catch {
        return (error as? Faults)?.diagnostics.first
      }
    }
    let reset = fault("services.web.labels")
    #expect(
      reset?.summary == "`services.web.labels` is not set: it is taken out by `!reset`")
    #expect(reset?.span?.file == "compose.override.yaml" && reset?.span?.line == 5)
    #expect(fault("services.web.init")?.summary == "`services.web.init` is not set by any file")
    #expect(fault("services.wbe")?.hint == "did you mean `web`?")
    #expect(fault("services.web.prots")?.hint == "did you mean `ports`?")
    #expect(fault("services.web.dns.7")?.hint == "it has `0`, `1`")
    #expect(fault("services.web.image.x")?.summary == "`services.web.image` has no `x`")
  }

  @Test("a driver of another kind, pools, and hosts keep their story")
  func forms() throws {
    let folder = Folder([
      ".env": "IP=1.2.3.4\n",
      "compose.yaml": """
      services:
        a:
          image: i
          logging: {driver: local, options: {x: y}}
          extra_hosts: ["h:${IP}"]
      networks: {default: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}
      """,
      "compose.override.yaml": """
      services: {a: {logging: {driver: none}}}
      networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24}]}}}
      """,
    ])
    #expect(
      try story("services.a.logging", of: folder) == [
        "logging: set by compose.yaml:4:14",
        "logging: overridden by compose.override.yaml:1:25",
        "driver: set by compose.override.yaml:1:34",
      ])
    #expect(
      try story("networks.default.ipam.config", of: folder).prefix(2) == [
        "config: set by compose.yaml:6:37",
        "config: overridden by compose.override.yaml:2:37",
      ])
    #expect(
      try story("services.a.extra_hosts.0", of: folder) == [
        "0: set by compose.yaml:5:19 IP=1.2.3.4<.env:1"
      ])
  }

  @Test("a key that an extending service takes out is told at its tag")
  func resetBelowExtends() {
    let folder = Folder([
      "compose.yaml": """
      services:
        b: {image: i, ports: ["80"]}
        a:
          extends: b
          ports: !reset []
      """
    ])
    do {
      _ = try story("services.a.ports", of: folder)
      Issue.record("found")
    } catch {
      let place = (error as? Faults)?.diagnostics.first?.span
      #expect(place?.line == 5)
    }
  }

  @Test("what names the project is told, a file, a flag or the folder")
  func name() throws {
    let folder = Folder(["compose.yaml": "name: shop\nservices: {}\n"])
    #expect(try story("name", of: folder) == ["name: set by compose.yaml:1:7"])
    let plain = Folder(["compose.yaml": "services: {}\n"])
    #expect(try story("name", of: plain) == ["name: by default"])
  }

  @Test("keys with dots are found")
  func dots() throws {
    let folder = Folder([
      "compose.yaml": "services: {a.b: {image: i, labels: {com.x: y}}}\n"
    ])
    #expect(try story("services.a.b.labels.com.x", of: folder) == ["x: set by compose.yaml:1:44"])
  }

  @Test("without the wish to tell, no value carries a story")
  func unasked() throws {
    let project = try Self.folder.load().project
    #expect(try project.explain("services.web.image").first?.steps.count == 1)
  }
}

@Suite("one file's faults do not hide another's")
struct SeveralFilesTests {
  @Test("a text that cannot be read leaves the others to be checked")
  func broken() {
    let folder = Folder([
      "compose.yaml": "services:\n  a: [\n", "b.yaml": "services: {a: {imgae: x, image: y}}\n",
      "c.yaml": "include: [d.yaml]\n", "d.yaml": "services: {d: {image: y, tty: perhaps}}\n",
    ])
    let found = folder.faults { $0.files = ["compose.yaml", "b.yaml", "c.yaml"] }
    #expect(
      found.map { "\($0.code ?? "") \($0.span?.file ?? ""):\($0.span?.line ?? 0)" } == [
        "B0101 compose.yaml:3", "B0110 b.yaml:1", "B0122 d.yaml:1",
      ])
  }

  @Test("env files' faults stand at their line, with the text")
  func environment() {
    let folder = Folder([
      "compose.yaml": "services: {a: {image: i, env_file: [a.env, b.env]}}\n",
      "a.env": "A=1\nB C=2\n", "b.env": "X=\"open\n",
    ])
    let found = folder.faults()
    #expect(
      found.map { "\($0.span?.file ?? ""):\($0.span?.line ?? 0) \($0.excerpt ?? "")" } == [
        "a.env:2 B C=2", "b.env:1 X=\"open",
      ])
  }

  @Test("duplicate keys are told each, and the rest of the text as well")
  func duplicates() {
    let found = faults(
      "services:\n  a: {image: i, image: j}\n  b: {image: i, imgae: j}\n  b: {image: k}\n")
    #expect(found.map(\.code) == ["B0102", "B0110", "B0102"])
  }

  @Test("a variable is pointed at within its text")
  func variables() throws {
    let rows = [
      ("image: a${X:?no}", 13, 8), ("image: \"a${X:?no}\"", 14, 8), ("image: 'é${X:?no}'", 14, 8),
      ("image: \"${A:-${X:?no}}\"", 18, 8),
      // An escape makes text and value differ, so the whole value is pointed at.
      ("image: \"\\t${X:?no}\"", 12, 12),
    ]
    for (text, column, length) in rows {
      let span = faults("services:\n  service:\n    \(text)\n").first?.span
      #expect(span?.column == column, "\(text)")
      #expect(span?.length == length, "\(text)")
    }
  }
}
