// `build` of a service as the engine gets it.

import Diagnostics
import Testing

@testable import Compose

@Suite("what a service is built from is typed, with absolute paths")
struct BuildTests {
  private func build(_ text: String, environment: [String: String] = [:]) throws
    -> BuildDefinition?
  {
    try loaded(
      "services: {web: {build: \(text)}, base: {build: ./base}}\n"
        + "secrets: {key: {file: ./key}, token: {environment: TOKEN}}\n",
      environment: environment
    ).project.service("web")?.build
  }

  private func refusals(_ text: String) throws -> [String] {
    try loaded("services: {web: {build: \(text)}}").project.unsupportedByUp().map(\.summary)
  }

  @Test("a folder alone has a Dockerfile and nothing else")
  func plain() throws {
    let build = try #require(try self.build("./web"))
    #expect(build.context == .folder("/shop/web"))
    #expect(build.dockerfile == .file("/shop/web/Dockerfile"))
    #expect(build.usesCache && !build.pulls && build.target == nil && build.network == nil)
    #expect(build.arguments.isEmpty && build.tags.isEmpty && build.secrets.isEmpty)
    #expect(build.span?.line == 1)
    #expect(try loaded("services: {web: {image: i}}").project.service("web")?.build == nil)
  }

  @Test(
    "contexts, as they are written and as they are meant",
    arguments: [
      ("web", BuildContext.folder("/shop/web")),
      ("~/web", .folder("/home/me/web")),
      ("\"\"", .folder("/shop")),
      ("https://example.com/a.git#main:sub", .address("https://example.com/a.git#main:sub")),
      ("git@example.com:a.git", .address("git@example.com:a.git")),
      ("github.com/a/b", .address("github.com/a/b")),
    ])
  func contexts(_ text: String, _ context: BuildContext) throws {
    let build = try self.build("{context: \(text)}", environment: ["HOME": "/home/me"])
    #expect(build?.context == context)
  }

  @Test(
    "more contexts, by name",
    arguments: [
      ("./other", BuildContext.folder("/shop/other")),
      ("docker-image://alpine:3", .image("alpine:3")),
      ("service:base", .service("base")),
      ("target:base", .target("base")),
      ("https://example.com/a.tar.gz", .address("https://example.com/a.tar.gz")),
      ("oci-layout://out", .layout(folder: "/shop/out", tag: nil, digest: nil)),
      (
        "oci-layout:///out:v1@sha256:ab",
        .layout(folder: "/out", tag: "v1", digest: "sha256:ab")
      ),
    ])
  func moreContexts(_ text: String, _ context: BuildContext) throws {
    let build = try self.build("{additional_contexts: {x: \"\(text)\"}}")
    #expect(build?.additionalContexts.map(\.name) == ["x"])
    #expect(build?.additionalContexts.map(\.context) == [context])
    #expect(build?.services == (text.hasSuffix(":base") ? ["base"] : []))
  }

  @Test(
    "the Dockerfile is below the context, unless its path is absolute or the context is elsewhere",
    arguments: [
      ("{context: web, dockerfile: sub/D}", "/shop/web/sub/D"),
      ("{context: web, dockerfile: ../D}", "/shop/D"),
      ("{context: web, dockerfile: /etc/D}", "/etc/D"),
      ("{context: web, dockerfile: \"\"}", "/shop/web/Dockerfile"),
      ("{context: \"https://example.com/a.git\", dockerfile: sub/D}", "sub/D"),
    ])
  func dockerfiles(_ text: String, _ path: String) throws {
    #expect(try build(text)?.dockerfile == .file(path))
  }

  @Test("lines of a literal block are lines of the compose file; those of other texts are not")
  func inline() throws {
    let project = try loaded(
      """
      services:
        block:
          build:
            dockerfile_inline: |

              FROM busybox
              RUN true
        folded:
          build:
            dockerfile_inline: "FROM busybox\\nRUN true"
      """
    ).project
    guard case .inline(let block)? = project.service("block")?.build?.dockerfile,
      case .inline(let folded)? = project.service("folded")?.build?.dockerfile
    else {
      Issue.record("no inline Dockerfile")
      return
    }
    #expect(block.text == "\nFROM busybox\nRUN true\n")
    let run = block.span(line: 3, column: 5, length: 4)
    #expect([run?.line, run?.column, run?.length] == [7, 13, 4])
    #expect(run?.file == "compose.yaml")
    #expect(folded.text == "FROM busybox\nRUN true")
    #expect(folded.span(line: 2, column: 5, length: 4) == folded.span)
    #expect(folded.span?.line == 10)
  }

  @Test("arguments without a value have the environment's, or are none")
  func arguments() throws {
    let build = try self.build("{args: [A=1, B, C, D=]}", environment: ["B": "2"])
    #expect(build?.arguments == [KeyValue("A", "1"), KeyValue("B", "2"), KeyValue("D", "")])
  }

  @Test("what else a build may say")
  func others() throws {
    let build = try #require(
      try self.build(
        """
        {target: t, no_cache: true, no_cache_filter: [a, b], pull: true, network: host,
         extra_hosts: ["h=1.2.3.4"], labels: {l: v}, tags: ["r/web:1"], platforms: [linux/amd64],
         shm_size: 1m, ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}, privileged: true,
         entitlements: [network.host], provenance: false, isolation: default}
        """))
    #expect(build.target == "t" && !build.usesCache && build.pulls && build.network == "host")
    #expect(build.uncachedStages == ["a", "b"])
    #expect(build.extraHosts == [KeyValue("h", "1.2.3.4")] && build.labels == [KeyValue("l", "v")])
    #expect(build.tags == ["r/web:1"] && build.platforms == ["linux/amd64"])
    #expect(build.shmSize == ByteCount(1 << 20))
    #expect(
      build.ulimits == [
        Ulimit(name: "nofile", soft: 5, hard: 5), Ulimit(name: "nproc", soft: 1, hard: 2),
      ])
    #expect(build.entitlements == ["network.host", "security.insecure"])
    #expect(build.provenance == "false" && build.isolation == "default")
    #expect(build.place(of: "labels")?.line == 2)
  }

  @Test("secrets are called after their targets, and the project knows where they are")
  func secrets() throws {
    let project = try loaded(
      """
      services:
        web: {build: {secrets: [key, {source: token, target: t, mode: 0400, uid: "5"}]}}
      secrets: {key: {file: ./key}, token: {environment: TOKEN}}
      """, environment: ["TOKEN": "s3cret"]
    ).project
    let secrets = project.service("web")?.build?.secrets ?? []
    #expect(secrets.map(\.id) == ["key", "t"])
    #expect(secrets.map(\.source) == ["key", "token"])
    #expect(secrets.map(\.uid) == [nil, "5"])
    #expect(secrets.map(\.mode) == [nil, 0o400])
    #expect(project.secret("key")?.origin == .file("/shop/key"))
    #expect(project.secret("token")?.value == "s3cret")
  }

  @Test("agents and keys")
  func ssh() throws {
    let build = try self.build("{ssh: [default, \"k=a,/b\"]}")
    #expect(build?.ssh.map(\.id) == ["default", "k"])
    #expect(build?.ssh.map(\.paths) == [[], ["/shop/a", "/b"]])
    #expect(
      try self.build("{ssh: {default: ~/a}}", environment: ["HOME": "/h"])?.ssh[0].paths == ["/h/a"]
    )
    #expect(try refusals("{ssh: [mine]}") == ["`mine` names no key and no agent"])
  }

  @Test(
    "places of caches",
    arguments: [
      ("r/web:cache", CachePlace.Kind.registry(reference: "r/web:cache"), false),
      ("type=registry,ref=r/web:cache,mode=max", .registry(reference: "r/web:cache"), true),
      ("type=local,src=c", .local(folder: "/shop/c"), false),
      ("type=inline", .inline, false),
      ("TYPE=gha,scope=x", .other("gha"), false),
    ])
  func caches(_ text: String, _ kind: CachePlace.Kind, _ keepsAll: Bool) throws {
    let place = try build("{cache_from: [\"\(text)\"]}")?.cacheFrom.first
    #expect(place?.kind == kind)
    #expect(place?.keepsAll == keepsAll)
    #expect(place?.text == text)
  }

  @Test("where a cache goes to is another key than where it comes from")
  func cacheTargets() throws {
    #expect(
      try build("{cache_to: [\"type=local,dest=/c\"]}")?.cacheTo.first?.kind
        == .local(folder: "/c"))
    #expect(
      try refusals("{cache_to: [\"type=local,src=/c\"]}") == [
        "cache `type=local,src=/c` names no folder"
      ])
  }

  @Test(
    "what cannot be built so is refused",
    arguments: [
      ("{provenance: true}", "`services.web.build.provenance` must be `false`, or left out"),
      ("{provenance: mode=max}", "`services.web.build.provenance` must be `false`, or left out"),
      ("{sbom: true}", "`services.web.build.sbom` must be `false`, or left out"),
      ("{isolation: hyperv}", "`services.web.build.isolation` cannot be `hyperv` for `up`"),
      ("{entitlements: [device]}", "`services.web.build.entitlements` cannot grant `device`"),
      ("{cache_from: [\"type=registry\"]}", "cache `type=registry` names no image"),
      ("{cache_from: [\"ref=x,mode=max\"]}", "cache `ref=x,mode=max` has no type"),
      ("{cache_to: [\"type=inline,mode=x\"]}", "cache `type=inline,mode=x` cannot have the mode"),
    ])
  func refused(_ text: String, _ summary: String) throws {
    let found = try refusals(text)
    #expect(found.count == 1 && found[0].hasPrefix(summary), "\(found)")
  }

  @Test("caches of types that are not known are left out, with a warning")
  func ignored() throws {
    let project = try loaded(
      "services: {web: {build: {cache_from: [\"type=gha\", \"r/c\"], cache_to: [\"type=inline\"]}}}"
    ).project
    let found = project.unsupportedByUp()
    #expect(found.map(\.severity) == [.warning])
    #expect(
      found.map(\.summary) == [
        "`services.web.build.cache_from` holds what has no effect: `type=gha`"
      ])
  }

  @Test(
    "what can be built is not refused",
    arguments: [
      ".", "{provenance: false, sbom: false}", "{privileged: true}",
      "{entitlements: [network.host, security.insecure]}", "{isolation: default}",
      "{platforms: [linux/amd64, linux/arm64]}", "{cache_from: [\"type=inline\"]}",
    ])
  func accepted(_ text: String) throws {
    #expect(try refusals(text) == [])
  }

  @Test("a service that others are built from is known, and its secrets, when it is not selected")
  func sources() throws {
    let folder = Folder([
      "compose.yaml": """
      services:
        web: {build: {additional_contexts: {b: "service:base"}}}
        base: {build: {secrets: [key]}}
        other: {build: {secrets: [unused]}}
      secrets: {key: {file: ./key}, unused: {file: ./unused}}
      """
    ])
    let project = try folder.load { $0.services = ["web"] }.project
    #expect(project.services.map(\.name) == ["web"])
    #expect(project.buildable("base")?.build?.secrets.map(\.id) == ["key"])
    #expect(project.secrets.map(\.key) == ["key"])
    #expect(project.buildable("none") == nil)
  }
}
