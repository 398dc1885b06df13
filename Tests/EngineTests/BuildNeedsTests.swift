// Which images are built before containers are made.

import Compose
import Diagnostics
import Images
import OCI
import Testing

@testable import Engine

@Suite("images are built where nothing else makes them, and where that is asked for")
struct BuildNeedsTests {
  private func project(_ text: String) throws -> Project {
    try ProjectLoader.load(
      ProjectOptions(workingDirectory: "/shop", environment: [:]), reading: OneFile(text)
    ).project
  }

  private func wanted(_ service: Service) throws -> WantedImage {
    WantedImage(
      service: service,
      request: PullRequest(try ImageReference(parsing: service.image ?? "shop-\(service.name)")),
      isOwn: true, isNamed: service.image != nil,
      builders: service.hasBuild ? [service.name] : [])
  }

  private func needs(
    _ service: String, pull: PullChoice? = nil, build: BuildChoice = .asNeeded, isHere: Bool
  ) throws -> [NeededBuild] {
    let project = try project("services: {web: \(service)}")
    return try neededBuilds(
      project.services.map(wanted), pull: pull, build: build, isHere: { _ in isHere })
  }

  @Test(
    "what is built",
    arguments: [
      ("{build: .}", BuildChoice.asNeeded, false, "it is not here"),
      ("{build: .}", .asNeeded, true, nil),
      ("{build: .}", .always, true, "builds were asked for"),
      ("{build: .}", .always, false, "it is not here"),
      ("{build: .}", .never, false, nil),
      ("{build: ., image: i}", .asNeeded, false, "it is not here"),
      ("{build: ., image: i}", .asNeeded, true, nil),
      ("{build: ., pull_policy: build}", .asNeeded, true, "its pull policy is to build"),
      ("{build: ., pull_policy: build}", .never, true, nil),
      ("{build: ., image: i, pull_policy: always}", .asNeeded, true, nil),
      ("{image: i}", .always, false, nil),
      ("{image: i, pull_policy: build}", .asNeeded, true, nil),
    ] as [(String, BuildChoice, Bool, String?)])
  func built(_ service: String, _ choice: BuildChoice, _ isHere: Bool, _ cause: String?) throws {
    #expect(
      try needs(service, build: choice, isHere: isHere).map(\.cause) == (cause.map { [$0] } ?? []))
  }

  @Test("the flag for pulls weighs more than the service's policy, and that for builds most")
  func policies() throws {
    #expect(try needs("{build: .}", pull: .build, isHere: true).count == 1)
    #expect(try needs("{build: ., pull_policy: build}", pull: .missing, isHere: true).isEmpty)
    let image = try wanted(project("services: {web: {build: ., image: i}}").services[0])
    #expect(image.policy(.always, .always) == .build)
    #expect(image.policy(.always, .asNeeded) == .always)
    #expect(image.policy(nil, .asNeeded) == .missing)
    let plain = try wanted(project("services: {web: {image: i}}").services[0])
    #expect(plain.policy(.always, .always) == .always)
  }

  @Test("an image that is mounted is built by the service whose it is, once")
  func mounted() throws {
    let project = try project("services: {web: {image: i}, base: {build: .}}")
    let own = try project.services.map(wanted)
    let mount = WantedImage(
      service: project.services[0], request: own[1].request, isOwn: false, isNamed: false,
      builders: ["base"])
    func needs(_ choice: BuildChoice, here: [PullRequest]) -> [String] {
      neededBuilds([own[0], mount, own[1]], pull: nil, build: choice, isHere: here.contains)
        .map(\.service)
    }
    #expect(needs(.asNeeded, here: [own[0].request]) == ["base"])
    #expect(needs(.asNeeded, here: [own[0].request, own[1].request]) == [])
    #expect(needs(.always, here: [own[0].request, own[1].request]) == ["base"])
    #expect(mount.canBeBuilt(.asNeeded) && !mount.canBeBuilt(.never) && !own[0].canBeBuilt(.always))
  }

  @Test("what others are built from comes first")
  func order() throws {
    let project = try project(
      """
      services:
        web: {build: {additional_contexts: {a: "service:lib", b: "service:base"}}}
        lib: {build: {additional_contexts: {b: "service:base"}}}
        base: {build: .}
        other: {build: .}
        plain: {image: i}
      """)
    func order(_ names: String...) throws -> [String] {
      try buildOrder(names, in: project).map(\.name)
    }
    #expect(try order("web") == ["base", "lib", "web"])
    #expect(try order("other", "lib", "base") == ["other", "base", "lib"])
    #expect(try order("plain") == [])
  }

  @Test("services that are built from each other are told so")
  func circle() throws {
    let project = try project(
      """
      services:
        a: {build: {additional_contexts: {x: "service:b"}}}
        b: {build: {additional_contexts: {x: "service:a"}}}
      """)
    do {
      _ = try buildOrder(["a"], in: project)
      Issue.record("nothing was thrown")
    } catch let fault as Faults {
      #expect(
        fault.diagnostics.map(\.summary) == [
          "services cannot be built from each other: `a` from `b` from `a`"
        ])
      #expect(fault.diagnostics[0].span?.line == 2)
    }
  }

  @Test("targets of docker's bake have no dots, and each a name of its own")
  func bake() {
    #expect(
      bakeNames(["a.b", "a_b", "web"]) == ["a.b": "a_b", "a_b": "a_b_", "web": "web"])
  }
}

/// A compose file in memory.
private struct OneFile: ComposeReader {
  let text: String

  init(_ text: String) { self.text = text }

  func read(_ path: String) throws(ComposeReadFault) -> [UInt8] {
    guard path == "/shop/compose.yaml" else { throw .missing }
    return Array(text.utf8)
  }

  func kind(_ path: String) -> ComposePathKind {
    path == "/shop/compose.yaml" ? .file : path == "/shop" ? .folder : .missing
  }

  func resolvingLinks(_ path: String) -> String { path }

  func isTrusted(_ folder: String) -> Bool { true }
}
