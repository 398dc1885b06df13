// The stages together: merge, extends, include, profiles, names, what is printed.

import Compose
import Diagnostics
import JSON
import Testing

@Suite("later files join earlier ones by the rules of each attribute")
struct MergeTests {
  /// attribute, earlier value, later value, merged JSON
  static let rows: [(String, String, String, String)] = [
    ("image", "a", "b", #""b""#),
    ("command", "[a, b]", "[c]", #"["c"]"#),
    ("command", "[a, b]", "", "null"),
    ("dns", "[1.1.1.1]", "", #"["1.1.1.1"]"#),
    ("command", "a b", "[]", "[]"),
    ("entrypoint", "x", "y z", #"["y","z"]"#),
    ("environment", "{A: 1, B: 2}", "[B=3, C]", #"{"A":"1","B":"3","C":null}"#),
    ("environment", "[A=1]", "{A: }", #"{"A":null}"#),
    ("labels", "[a=1, b]", "{a: 2}", #"{"a":"2","b":""}"#),
    ("dns", "8.8.8.8", "[1.1.1.1, 8.8.8.8]", #"["8.8.8.8","1.1.1.1"]"#),
    ("tmpfs", "/a", "/b", #"["/a","/b"]"#),
    ("cap_add", "[A, B]", "[B, C]", #"["A","B","C"]"#),
    ("expose", "[80]", "['80', 81]", #"["80","81"]"#),
    ("group_add", "[1]", "[x]", #"["1","x"]"#),
    (
      "volumes", "[/d:/x, /e:/y]", "['/f:/x:ro']",
      #"[{"bind":{"create_host_path":true},"read_only":true,"source":"/f","target":"/x","type":"bind"},{"bind":{"create_host_path":true},"source":"/e","target":"/y","type":"bind"}]"#
    ),
    (
      "ports", "['80:80']", "['80:80', '81:80']",
      #"[{"mode":"ingress","protocol":"tcp","published":"80","target":80},{"mode":"ingress","protocol":"tcp","published":"81","target":80}]"#
    ),
    (
      "ports", "['80:80']", "!override ['90:80']",
      #"[{"mode":"ingress","protocol":"tcp","published":"90","target":80}]"#
    ),
    ("ports", "['80:80']", "!reset []", "absent"),
    (
      "extra_hosts", "[h=1.1.1.1]", "{h: 1.1.1.1, i: [2.2.2.2, 3.3.3.3]}",
      #"["h=1.1.1.1","i=2.2.2.2","i=3.3.3.3"]"#
    ),
    (
      "ulimits", "{nofile: 10, core: 1}", "{nofile: {soft: 1, hard: 2}}",
      #"{"core":1,"nofile":{"hard":2,"soft":1}}"#
    ),
    (
      "logging", "{driver: a, options: {x: 1}}", "{driver: b, options: {y: 2}}",
      #"{"driver":"b","options":{"y":"2"}}"#
    ),
    (
      "logging", "{driver: a, options: {x: 1}}", "{options: {y: 2}}",
      #"{"driver":"a","options":{"x":"1","y":"2"}}"#
    ),
    (
      "healthcheck", "{test: [CMD, a], interval: 10s}", "{test: b}",
      #"{"interval":"10s","test":["CMD-SHELL","b"]}"#
    ),
    (
      "build", "./x", "{target: t}",
      #"{"context":"/shop/x","dockerfile":"Dockerfile","target":"t"}"#
    ),
    (
      "deploy", "{replicas: 1, labels: {a: 1}}", "{replicas: 2}",
      #"{"labels":{"a":"1"},"placement":{},"replicas":2,"resources":{}}"#
    ),
    (
      "devices", "['/a:/x']", "['/b:/x']",
      #"[{"permissions":"rwm","source":"/b","target":"/x"}]"#
    ),
    ("sysctls", "{a: 1}", "[a=2, b=3]", #"{"a":"2","b":"3"}"#),
    ("security_opt", "[a=1]", "[b=2]", #"["a=1","b=2"]"#),
    ("environment", "{A: 1, B: 2}", "{A: !reset null}", #"{"B":"2"}"#),
  ]

  @Test("an attribute", arguments: rows.indices)
  func attribute(index: Int) throws {
    let (name, base, over, expected) = Self.rows[index]
    let folder = Folder([
      "a.yaml": "services: {s: {image: i, \(name): \(base)}}\n",
      "b.yaml": "services:\n  s:\n    \(name): \(over)\n",
    ])
    let base1 = name == "image" ? folder.replacingImage() : folder
    let project = try base1.load { $0.files = ["a.yaml", "b.yaml"] }.project
    #expect(try json(project, "services", "s", name) == expected, "\(name): \(base) + \(over)")
  }

  @Test("kinds that do not mix are refused at the later place")
  func conflict() {
    let folder = Folder([
      "a.yaml": "services: {s: {image: i, cap_add: [A]}}\n",
      "b.yaml": "services:\n  s:\n    cap_add: A\n",
    ])
    let found = folder.faults { $0.files = ["a.yaml", "b.yaml"] }
    #expect(found.first?.summary == "`services.s.cap_add` is a list and cannot become a string")
    #expect(found.first?.span?.file == "b.yaml")
  }

  @Test("documents of one file merge like files")
  func documents() throws {
    let project = try loaded("services: {s: {image: a}}\n---\nservices: {s: {image: b}}\n").project
    #expect(project.service("s")?.image == "b")
  }

  @Test("dependencies as list and as mapping become one mapping")
  func dependencies() throws {
    let folder = Folder([
      "a.yaml": "services: {s: {image: i, depends_on: [t, u]}, t: {image: i}, u: {image: i}}\n",
      "b.yaml": "services: {s: {depends_on: {t: {condition: service_healthy}}}}\n",
    ])
    let project = try folder.load { $0.files = ["a.yaml", "b.yaml"] }.project
    let dependencies = try #require(project.service("s")?.dependsOn)
    #expect(dependencies.map(\.service) == ["t", "u"])
    #expect(dependencies.map(\.condition) == [.healthy, .started])
  }
}

extension Folder {
  fileprivate func replacingImage() -> Folder {
    var copy = self
    copy.files["/shop/a.yaml"] = "services: {s: {image: a}}\n"
    return copy
  }
}

@Suite("services extend services")
struct ExtendsTests {
  @Test("of the same file, in chains, with paths of the other file's folder")
  func chain() throws {
    let folder = Folder([
      "compose.yaml": """
      services:
        web: {extends: {file: base/common.yaml, service: app}, ports: ['80:80']}
        tool: {extends: web, ports: !reset [], command: x}
      """,
      "base/common.yaml": """
      services:
        app: {extends: core, volumes: ['./d:/d'], environment: {A: 1}}
        core: {image: base, build: ., environment: {A: 0, B: 2}}
        broken: {image: [1]}
      """,
    ])
    let project = try folder.load().project
    #expect(project.service("web")?.image == "base")
    #expect(
      project.service("web")?.mounts.map(\.kind) == [
        .bind(source: "/shop/base/d", createsSource: true, propagation: nil, recursive: nil)
      ])
    #expect(
      try json(project, "services", "tool", "environment") == #"{"A":"1","B":"2"}"#)
    #expect(project.service("tool")?.ports.isEmpty == true)
    #expect(try json(project, "services", "tool", "build", "context") == #""/shop/base""#)
    #expect(try json(project, "services", "tool", "extends") == "absent")
  }

  @Test("cycles and missing ones are refused with their names")
  func refused() {
    #expect(
      faults("services: {a: {extends: b}, b: {extends: a}}").first?.summary
        == "services extend each other: compose.yaml:a → compose.yaml:b → compose.yaml:a")
    let missing = faults("services: {a: {extends: bse}, base: {image: i}}").first
    #expect(missing?.summary == "service `a` extends `bse`, which compose.yaml lacks")
    #expect(missing?.hint == "did you mean `base`?")
  }
}

@Suite("files include files")
struct IncludeTests {
  @Test("with their own folder and environment, the outer environment first")
  func own() throws {
    let folder = Folder([
      "compose.yaml": "include: [db/compose.yaml]\nservices: {web: {image: w, depends_on: [db]}}\n",
      "db/compose.yaml": "services: {db: {image: 'r:${TAG}', volumes: ['./d:/d']}}\n",
      "db/.env": "TAG=7\n",
    ])
    let project = try folder.load().project
    #expect(project.service("db")?.image == "r:7")
    #expect(try folder.load(environment: ["TAG": "8"]).project.service("db")?.image == "r:8")
    #expect(
      project.service("db")?.mounts.first?.kind
        == .bind(source: "/shop/db/d", createsSource: true, propagation: nil, recursive: nil))
  }

  @Test("a dollar sign survives being included")
  func dollars() throws {
    let folder = Folder([
      "compose.yaml": "include: [{path: [b.yaml]}]\n",
      "b.yaml": "services: {b: {image: i, command: ['$$X']}}\n",
    ])
    #expect(try folder.load().project.service("b")?.command == ["$X"])
  }

  @Test("cycles are named in full")
  func cycle() {
    let folder = Folder([
      "compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [c.yaml]\n",
      "c.yaml": "include: [compose.yaml]\n",
    ])
    #expect(
      folder.faults().first?.summary
        == "include cycle: compose.yaml → b.yaml → c.yaml → compose.yaml")
  }

  @Test("files that include each other crosswise are not read without end", .timeLimit(.minutes(1)))
  func crosswise() {
    var files = ["compose.yaml": "include: [f0.yaml]\n"]
    for index in 0..<24 {
      let others = (0..<24).filter { $0 > index }.map { "f\($0).yaml" }.joined(separator: ", ")
      files["f\(index).yaml"] = "include: [\(others)]\n"
    }
    #expect(Folder(files).faults().contains { $0.summary == "more than 1000 files are read" })
  }
}

@Suite("where a project comes from")
struct LocationTests {
  static let file = "services: {a: {image: i}}\n"

  @Test("the usual names, upwards, with the override beside them")
  func search() throws {
    let folder = Folder([
      "/shop/compose.yml": Self.file,
      "/shop/compose.override.yaml": "services: {a: {image: o}}\n",
    ])
    let loaded = try folder.load { $0.workingDirectory = "/shop/deep/er" }
    #expect(loaded.files == ["/shop/compose.yml", "/shop/compose.override.yaml"])
    #expect(loaded.project.name == "shop")
    #expect(loaded.project.service("a")?.image == "o")
  }

  @Test("several usual names warn, the first wins")
  func several() throws {
    let folder = Folder(["compose.yaml": Self.file, "docker-compose.yml": Self.file])
    let loaded = try folder.load()
    #expect(loaded.files == ["/shop/compose.yaml"])
    #expect(loaded.warnings.map(\.code) == ["B0173"])
  }

  @Test("a folder of somebody else is passed over")
  func foreign() throws {
    var folder = Folder(["compose.yaml": Self.file, "/compose.yaml": Self.file])
    folder.foreign = ["/shop"]
    #expect(try folder.load { $0.projectName = "p" }.files == ["/compose.yaml"])
  }

  @Test("none")
  func none() {
    #expect(Folder([:]).faults().first?.summary == "no configuration file provided: not found")
  }

  @Test(
    "the name: given, of the environment, of the file, of the folder",
    arguments: [
      ("p", "e", "f", "p"), (nil, "e", "f", "e"), (nil, nil, "My File!", "myfile"),
      (nil, nil, nil, "shop"),
    ] as [(String?, String?, String?, String)])
  func name(given: String?, environment: String?, file: String?, expected: String) throws {
    var variables: [String: String] = [:]
    variables["COMPOSE_PROJECT_NAME"] = environment
    let text =
      (file.map { "name: '\($0)'\n" } ?? "")
      + "services: {a: {image: 'i${COMPOSE_PROJECT_NAME}'}}\n"
    let project = try Folder(["compose.yaml": text]).load(environment: variables) {
      $0.projectName = given
    }.project
    #expect(project.name == expected)
    #expect(project.service("a")?.image == "i" + expected)
  }

  @Test("names that are none", arguments: ["A", "-a", "_a", "a b", "é", "../x", "", "e\u{301}"])
  func badName(name: String) {
    let found = Folder(["compose.yaml": Self.file]).faults { $0.projectName = name }
    #expect(name.isEmpty ? found.isEmpty : found.first?.code == "B0152")
  }

  @Test(".env serves variables, the environment comes first, COMPOSE_FILE works from it")
  func environment() throws {
    let folder = Folder([
      "other.yaml": "services: {a: {image: '$A-$B'}}\n",
      ".env": "A=1\nB=1\nCOMPOSE_FILE=other.yaml\n",
    ])
    let project = try folder.load(environment: ["B": "2"]).project
    #expect(project.service("a")?.image == "1-2")
    let folder2 = Folder(["compose.yaml": "services: {a: {image: '$A'}}\n", "x.env": "A=x\n"])
    #expect(try folder2.load { $0.envFiles = ["x.env"] }.project.service("a")?.image == "x")
    #expect(folder2.faults { $0.envFiles = ["y.env"] }.first?.code == "B0151")
  }
}

@Suite("profiles and selection")
struct ProfileTests {
  static let file = """
    services:
      web: {image: i, depends_on: [db]}
      db: {image: i}
      debug: {image: i, profiles: [dev], depends_on: [db]}
      other: {image: i, profiles: [dev, ops]}
    """

  @Test(
    "which services are enabled",
    arguments: [
      ([], [], ["web", "db"]), (["dev"], [], ["web", "db", "debug", "other"]),
      (["*"], [], ["web", "db", "debug", "other"]), (["ops"], [], ["web", "db", "other"]),
      ([], ["debug"], ["db", "debug"]), ([], ["web"], ["web", "db"]),
    ] as [([String], [String], [String])])
  func enabled(profiles: [String], named: [String], expected: [String]) throws {
    let project = try Folder(["compose.yaml": Self.file]).load {
      $0.profiles = profiles
      $0.services = named
    }.project
    #expect(project.services.map(\.name) == expected)
  }

  @Test("a disabled dependency, an unknown service")
  func refused() {
    let disabled = faults(
      "services: {a: {image: i, depends_on: [b]}, b: {image: i, profiles: [p]}}")
    #expect(disabled.map(\.summary) == ["service `b` is required by `a` but is disabled"])
    #expect(disabled.first?.hint == "enable it by `--profile p`")
    let unknown = Folder(["compose.yaml": Self.file]).faults { $0.services = ["wbe"] }
    #expect(unknown.first?.summary == "no such service: `wbe`")
  }

  @Test("a dependency that is not required is none while it is disabled")
  func optional() throws {
    let project = try loaded(
      """
      services:
        a: {image: i, depends_on: {b: {condition: service_started, required: false}}}
        b: {image: i, profiles: [p]}
      """
    ).project
    #expect(project.service("a")?.dependsOn.isEmpty == true)
    #expect(project.disabledServices.map(\.name) == ["b"])
  }

  @Test("services come after what they depend on")
  func order() throws {
    let project = try loaded(
      """
      services:
        web: {image: i, depends_on: [api, cache]}
        api: {image: i, depends_on: [db]}
        cache: {image: i}
        db: {image: i}
      """
    ).project
    #expect(
      project.servicesInDependencyOrder().map(\.name) == ["db", "api", "cache", "web"])
    #expect(project.closure(of: ["api"]).map(\.name) == ["db", "api"])
    #expect(project.dependents(of: "db").map(\.name) == ["api"])
  }
}
