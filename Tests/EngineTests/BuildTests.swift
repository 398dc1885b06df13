import Compose
import Diagnostics
import Dockerfile
import JSON
import OCI
import Testing

@testable import Engine

@Suite("a build's decisions are values")
struct BuildTests {
  private func read(_ text: String) throws -> Dockerfile {
    try parseDockerfile(Array(text.utf8), name: "Dockerfile")
  }

  private let stages = """
    FROM base AS first
    FROM first AS second
    COPY --from=third /a /a
    FROM scratch AS third
    FROM second
    RUN --mount=type=bind,from=0,target=/x true
    """

  @Test(
    "the target is the last stage, or that of a name or an index",
    arguments: [(nil, 3), ("", 3), ("second", 1), ("SECOND", 1), ("0", 0)] as [(String?, Int)])
  func target(_ asked: String?, _ index: Int) throws {
    let graph = try BuildGraph(try read(stages), contexts: [], target: asked, at: nil)
    #expect(graph.target == index)
  }

  @Test("a target that there is not is told with the nearest name")
  func noTarget() throws {
    let error = #expect(throws: Faults.self) {
      try BuildGraph(try read(stages), contexts: [], target: "secnd", at: nil)
    }
    #expect(error?.diagnostics.first?.hint == "did you mean `second`?")
  }

  @Test("only earlier stages are meant by their names; contexts come before all")
  func origins() throws {
    let graph = try BuildGraph(try read(stages), contexts: ["base"], target: nil, at: nil)
    #expect(graph.base("base", of: 0) == .context("base"))
    #expect(graph.base("first", of: 1) == .stage(0))
    #expect(graph.origin("third", in: 1) == .image("third"))
    #expect(graph.origin("0", in: 3) == .stage(0))
    #expect(graph.origin("9", in: 3) == .image("9"))
    #expect(graph.base("scratch", of: 2) == .scratch)
  }

  @Test(
    "contexts are meant by all names of their image, as docker has them",
    arguments: [
      ("busybox", "docker.io/library/busybox", true), ("busybox", "busybox:latest", true),
      ("busybox:latest", "index.docker.io/busybox", true), ("h:5000/a:latest", "h:5000/a", true),
      ("busybox", "busybox:1", false), ("busybox:1", "busybox", false), ("a", "x/a", false),
      ("Not an image", "Not an image", true), ("Not an image", "not an image", false),
    ])
  func contexts(_ context: String, _ name: String, _ isMeant: Bool) throws {
    let graph = try BuildGraph(try read(stages), contexts: [context], target: nil, at: nil)
    #expect(graph.base(name, of: 0) == (isMeant ? .context(context) : .image(name)))
    #expect(graph.origin(name, in: 0) == (isMeant ? .context(context) : .image(name)))
    let both = try BuildGraph(try read(stages), contexts: ["a:latest", "a"], target: nil, at: nil)
    #expect(both.base("a", of: 0) == .context("a"))
  }

  @Test("a stage needs what it begins with, copies from and mounts")
  func needs() throws {
    let graph = try BuildGraph(try read(stages), contexts: [], target: nil, at: nil)
    #expect(graph.needs(of: 3, base: .stage(1)) == [0, 1])
    #expect(graph.needs(of: 1, base: .stage(0)) == [0])
  }

  @Test("the fields of a key cannot be taken for each other")
  func keys() {
    func key(_ texts: [String]...) -> Digest {
      var key = StepKey("run")
      for list in texts { key.add(list) }
      return key.finish()
    }
    #expect(key(["a", "b"]) == key(["a", "b"]))
    #expect(key(["a", "b"]) != key(["ab"]))
    #expect(key(["a"], ["b"]) != key(["a", "b"]))
    #expect(key(["1:a"]) != key(["1", "a"]))
    #expect(StepKey("run").finish() != StepKey("copy").finish())
  }

  @Test("arguments: the last of a name counts, and what no ARG asks for is told")
  func arguments() {
    let arguments = BuildArguments([
      KeyValue("A", "1"), KeyValue("A", "2"), KeyValue("HTTP_PROXY", "p"), KeyValue("B", "3"),
      KeyValue("BUILDKIT_INLINE_CACHE", "1"),
    ])
    #expect(arguments.value(of: "A") == "2")
    arguments.noteUse(of: "A")
    #expect(arguments.notConsumed == ["B"])
    #expect(arguments.proxies.map(\.name) == ["HTTP_PROXY"])
  }

  @Test("steps without a time of their own get that of their neighbours")
  func times() throws {
    var state = StageState(scratch: .host)
    state.note("ENV A=1", created: nil, isEmpty: true)
    state.note("RUN x", created: "2026-01-01T00:00:00Z", isEmpty: false)
    state.note("CMD y", created: nil, isEmpty: true)
    state.note("COPY z", created: "2026-01-02T00:00:00Z", isEmpty: false)
    state.note("USER u", created: nil, isEmpty: true)
    let document = try JSONValue(parsing: state.document(stamp: "never", labels: []))
    let times = (document["history"]?.array ?? []).map { $0["created"]?.string?.prefix(10) }
    #expect(times == ["2026-01-01", "2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02"])
    #expect(document["created"]?.string == "2026-01-02T00:00:00Z")
  }

  @Test("an image without layers has the time of the build")
  func noLayers() throws {
    var state = StageState(scratch: .host)
    state.note("CMD y", created: nil, isEmpty: true)
    let document = try JSONValue(parsing: state.document(stamp: "now", labels: [("a", "b")]))
    #expect(document["created"]?.string == "now")
    #expect(document["config"]?["Labels"]?["a"]?.string == "b")
  }

  @Test("an entrypoint takes the base's command away, unless the stage has said one")
  func entrypoint() throws {
    func config(_ lines: String...) throws -> JSONValue {
      var changes = ImageChanges(["Cmd": ["base"], "Env": ["A=1"]])
      for line in lines { try changes.apply(line) }
      return changes.json
    }
    #expect(try config(#"ENTRYPOINT ["e"]"#)["Cmd"] == nil)
    #expect(try config(#"CMD ["c"]"#, #"ENTRYPOINT ["e"]"#)["Cmd"] == ["c"])
    #expect(try config("ENV A=2 B=$A")["Env"] == ["A=2", "B=1"])
    #expect(try config("WORKDIR a", "WORKDIR ../b")["WorkingDir"] == "/b")
    #expect(
      try config("EXPOSE 80 5000-5001/udp")["ExposedPorts"] == [
        "80/tcp": [:], "5000/udp": [:], "5001/udp": [:],
      ])
  }

  @Test(
    "what EXPOSE names is a port of the container, whatever is said of the host",
    arguments: [
      ("80", "80/tcp"), ("80/", "80/tcp"), ("53/UDP", "53/udp"),
      ("5000-5001/sctp", "5000-5001/sctp"),
      ("8080:80", "80/tcp"), (":80", "80/tcp"), ("127.0.0.1:81:82/udp", "82/udp"),
      ("127.0.0.1::82", "82/tcp"), ("[::1]:81:82", "82/tcp"), ("::1:81:82", "82/tcp"),
      ("90-99:80", "80/tcp"), ("90-91:80-81", "80-81/tcp"), ("90-99:80-81", nil),
      ("x:80", nil), ("1.2.3:81:82", nil), ("80:", nil), ("", nil), ("0", nil), ("70000", nil),
      ("80,443", nil), ("80/http", nil), ("80/tcp/x", nil), ("81-80", nil), ("1-2-3", nil),
    ] as [(String, String?)])
  func ports(_ text: String, _ name: String?) { #expect(ExposedPort(text)?.name == name) }

  @Test("a config keeps what no instruction changes, and the order of the rest")
  func config() throws {
    let base: JSONObject = [
      "Env": .null, "Labels": ["a": "1", "b": "2"], "Cmd": ["x"], "ExposedPorts": .null,
    ]
    var changes = ImageChanges(base)
    #expect(changes.json == .object(base))
    for line in ["LABEL b=3 c=4", "VOLUME /v /w /v", "EXPOSE 80 79-80"] { try changes.apply(line) }
    let first: JSONValue = [
      "Env": .null, "Labels": ["a": "1", "b": "3", "c": "4"], "Cmd": ["x"],
      "ExposedPorts": ["80/tcp": [:], "79/tcp": [:]], "Volumes": ["/v": [:], "/w": [:]],
    ]
    #expect(changes.json.bytes() == first.bytes())
    try changes.apply("ENV A=1")
    #expect(changes.json["Env"] == ["A=1"])
  }

  @Test("variables are the same when their bytes are")
  func variables() throws {
    var changes = ImageChanges(["Env": ["PLAIN", "E\u{301}=1"]])
    for line in ["ENV \u{C9}=2", "ENV A=\u{301}x", "ENV B=$A", "ENV A=3"] {
      try changes.apply(line)
    }
    #expect(
      changes.environment.map { Array($0.utf8) }
        == ["PLAIN", "E\u{301}=1", "\u{C9}=2", "A=3", "B=\u{301}x"].map { Array($0.utf8) })
    #expect(changes.size == changes.environment.reduce(0) { $0 + $1.utf8.count })
    #expect(changes.variable("PLAIN") == nil)
  }

  @Test("as much as a file may hold, and all ports of the machine, are no matter")
  func many() throws {
    var changes = ImageChanges()
    try changes.apply("EXPOSE 1-65535 1-65535/udp")
    for number in 0..<20_000 { try changes.apply("ENV a\(number)=${a\(number / 2)}x") }
    try changes.apply("LABEL " + (0..<20_000).map { "l\($0)=x" }.joined(separator: " "))
    #expect(changes.json["ExposedPorts"]?.object?.members.count == 131_070)
    #expect(changes.variable("a19999")?.count == 16)
    #expect(changes.json["Labels"]?.object?.members.count == 20_000)
  }

  @Test(
    "a here-document that is the whole command is a script",
    arguments: [
      ("RUN <<EOF\nx\nEOF", true), ("RUN <<-\"EOF\"\nx\nEOF", true),
      ("RUN cat <<EOF\nx\nEOF", false),
    ])
  func scripts(_ text: String, _ isScript: Bool) throws {
    let file = try read("FROM scratch\n" + text)
    guard case .run(let run) = file.stages[0].instructions[0].kind else {
      Issue.record("no RUN")
      return
    }
    #expect((run.loneDocument != nil) == isScript)
    #expect(run.script == nil)
  }
}
