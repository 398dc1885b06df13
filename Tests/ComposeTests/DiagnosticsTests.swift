// What the user sees: golden text, all faults of all files at once, in file order.

import Compose
import Diagnostics
import Testing

@Suite("faults are told with their place, all at once")
struct FaultTextTests {
  private static let crowded = """
    services:
      web:
        image: nginx
        iamge: x
        ports: ["8080-8090:80-81", "abc"]
        volumes: ["foo:/x:ro", {type: bind, target: /y}]
        networks: [fornt]
        healthcheck: {test: ["curl"]}
        mem_limit: 5q
        depends_on: [dbx]
        read_only: maybe
      db: {}
    networks: {front: }
    """

  private static let golden = """
    error: unknown key `iamge` in service `web`
      --> compose.yaml:4:5
      |     iamge: x
      |     ^^^^^
    hint: did you mean `image`?
    error: port `8080-8090:80-81` maps 11 host ports to 2 container ports
      --> compose.yaml:5:13
      |     ports: ["8080-8090:80-81", "abc"]
      |             ^^^^^^^^^^^^^^^^^
    hint: give ranges of one length
    error: port `abc` has the invalid container port `abc`
      --> compose.yaml:5:32
      |     ports: ["8080-8090:80-81", "abc"]
      |                                ^^^^^
    hint: write `[IP:][HOST:]CONTAINER[/PROTOCOL]`, such as `8080:80`
    error: service `web` refers to undefined volume `foo`
      --> compose.yaml:6:15
      |     volumes: ["foo:/x:ro", {type: bind, target: /y}]
      |               ^^^^^^^^^^^
    hint: define it under `volumes:` at the top level
    error: a bind mount of service `web` has no `source`
      --> compose.yaml:6:28
      |     volumes: ["foo:/x:ro", {type: bind, target: /y}]
      |                            ^
    error: service `web` refers to undefined network `fornt`
      --> compose.yaml:7:16
      |     networks: [fornt]
      |                ^^^^^
    hint: did you mean `front`?
    error: `healthcheck.test` of service `web` begins with `curl`
      --> compose.yaml:8:26
      |     healthcheck: {test: ["curl"]}
      |                          ^^^^^^
    hint: a list begins with `CMD`, `CMD-SHELL` or `NONE`
    error: `services.web.mem_limit` is no size: `5q`
      --> compose.yaml:9:16
      |     mem_limit: 5q
      |                ^^
    hint: give number and unit, such as `512m` or `1g`
    error: service `web` depends on undefined service `dbx`
      --> compose.yaml:10:18
      |     depends_on: [dbx]
      |                  ^^^
    hint: did you mean `db`?
    error: `services.web.read_only` must be `true` or `false`, not `maybe`
      --> compose.yaml:11:16
      |     read_only: maybe
      |                ^^^^^
    error: service `db` has neither an image nor a build context
      --> compose.yaml:12:3
      |   db: {}
      |   ^^
    hint: add `image:` or `build:`
    """

  @Test("a file full of them")
  func many() {
    #expect(shown(faults(Self.crowded)) == Self.golden)
  }

  /// text, code, line, column, summary
  static let rows: [(String, String, Int, Int, String)] = [
    ("a: [", "B0101", 1, 5, "did not find expected node content"),
    (
      "services: {a: {image: i, image: j}}", "B0102", 1, 26,
      "key `image` is already defined at line 1"
    ),
    ("services: {a: {image: i, x-y: {1: 2}}}", "B0103", 1, 32, "key `1` is not text"),
    ("servces: {}", "B0110", 1, 1, "unknown key `servces` at the top level"),
    ("services: []", "B0111", 1, 1, "`services` must be a mapping, not a list"),
    ("services: {a: }", "B0111", 1, 15, "`services.a` must be a mapping, not nothing"),
    (
      "services: {a: {image: 5}}", "B0111", 1, 23,
      "`services.a.image` must be a string, not a number"
    ),
    (
      "services: {a: {image: i, extends: {file: x}}}", "B0131", 1, 35,
      "`extends` of `a` lacks `service`"
    ),
    (
      "services: {a: {image: i, cgroup: hst}}", "B0113", 1, 34,
      "`services.a.cgroup` cannot be `hst`"
    ),
    (
      "services: {a: {image: i, security_opt: [x, x]}}", "B0114", 1, 44,
      "`x` stands twice in `services.a.security_opt`"
    ),
    ("services: {'a b': {image: i}}", "B0115", 1, 12, "`a b` is no valid name in `services`"),
    (
      "services: {a: {image: i, stop_grace_period: 5}}", "B0111", 1, 45,
      "`services.a.stop_grace_period` must be a string, not a number"
    ),
    (
      "services: {a: {image: i, stop_grace_period: '5'}}", "B0116", 1, 45,
      "`services.a.stop_grace_period` is no duration: `5`"
    ),
    (
      "services: {a: {image: i, oom_score_adj: 2000}}", "B0117", 1, 41,
      "`services.a.oom_score_adj` must be between -1000 and 1000, not 2000"
    ),
    (
      "services: {a: {image: '${'}}", "B0120", 1, 24,
      "`services.a.image` holds an invalid variable: `${`"
    ),
    (
      "services: {a: {image: '${X:?set it}'}}", "B0121", 1, 24,
      "variable `X` is required by `services.a.image` but has no value: set it"
    ),
    (
      "services: {a: {image: i, scale: x}}", "B0122", 1, 33,
      "`services.a.scale` must be a whole number, not `x`"
    ),
    (
      "include: [gone.yaml]\nservices: {a: {image: i}}", "B0150", 1, 11,
      "cannot read `gone.yaml`: no such file"
    ),
    (
      "services: {a: {image: i, networks: [n]}}", "B0140", 1, 37,
      "service `a` refers to undefined network `n`"
    ),
    (
      "services: {a: {image: i, secrets: [n]}}", "B0140", 1, 36,
      "service `a` refers to undefined secret `n`"
    ),
    ("services: {a: {}}", "B0141", 1, 12, "service `a` has neither an image nor a build context"),
    (
      "services: {a: {image: i, scale: 2, container_name: cc}}", "B0142", 1, 52,
      "service `a` has 2 containers but one `container_name`"
    ),
    (
      "services: {a: {image: i, network_mode: host, networks: [n]}}\nnetworks: {n: }", "B0142", 1,
      40, "service `a` has both `network_mode` and `networks`"
    ),
    (
      "services: {a: {image: i, cpus: 1, deploy: {resources: {limits: {cpus: 2}}}}}", "B0142", 1,
      32, "service `a` sets `cpus` and `deploy.resources.limits.cpus` differently"
    ),
    (
      "services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [c]}, c: {image: i, depends_on: [a]}}",
      "B0143", 1, 103, "dependency cycle detected: a -> b -> c -> a"
    ),
    (
      "services: {a: {image: i, depends_on: [a]}}", "B0143", 1, 39,
      "dependency cycle detected: a -> a"
    ),
    (
      "services: {a: {image: i, env_file: gone.env}}", "B0151", 1, 36,
      "env file `gone.env` cannot be read: no such file"
    ),
    (
      "services: {a: {image: i, environment: ['A =1']}}", "B0115", 1, 40,
      "variable `A ` ends with a space"
    ),
    (
      "services: {a: {image: i}}\nvolumes: {v: {external: true, driver: x}}", "B0142", 2, 31,
      "`volumes.v` is external, so it cannot have `driver`"
    ),
    (
      "services: {a: {image: i}}\nsecrets: {s: {}}", "B0112", 2, 11,
      "`secrets.s` must have one of `file`, `environment`, or `external: true`"
    ),
    (
      "services: {a: {image: i, depends_on: {b: {required: true}}}, b: {image: i}}", "B0112", 1, 42,
      "`services.a.depends_on.b` lacks `condition`"
    ),
    (
      "services: {a: {image: i, extra_hosts: [h]}}", "B0116", 1, 40, "extra host `h` has no address"
    ),
    (
      "services: {a: {image: i, pull_policy: alwys}}", "B0113", 1, 39,
      "`pull_policy` cannot be `alwys`"
    ),
    (
      "services: {a: {image: i, command: \"x 'y\"}}", "B0116", 1, 35,
      "`services.a.command` cannot be split into words: `x 'y`"
    ),
    (
      "include: ['https://example.com/c.yaml']", "B0155", 1, 11,
      "`https://example.com/c.yaml` is remote: compose files are read from this machine only"
    ),
    ("", "B0101", 0, 0, "empty compose file"),
    ("- a", "B0111", 1, 1, "a compose file is a mapping, not a list"),
  ]

  @Test("each kind has its code, place and words", arguments: rows.indices)
  func kinds(index: Int) {
    let (text, code, line, column, summary) = Self.rows[index]
    let found = faults(text)
    let first = found.first { $0.code == code }
    #expect(first?.summary == summary, "\(text): \(found.map(\.summary))")
    #expect((first?.span?.line ?? 0) == line, "\(text)")
    #expect((first?.span?.column ?? 0) == column, "\(text)")
  }

  @Test("a fault stays in the file where the text is, through merge, include and extends")
  func files() {
    let folder = Folder([
      "compose.yaml": "include: [inc.yaml]\nservices: {a: {image: i, imag: x}}\n",
      "over.yaml":
        "services:\n  a:\n    extends: {file: base.yaml, service: s}\n    mem_limit: z\n",
      "base.yaml": "services:\n  s:\n    image: i\n    shm_size: z\n",
      "inc.yaml": "services:\n  inc:\n    image: i\n    tty: z\n",
    ])
    let found = folder.faults { $0.files = ["compose.yaml", "over.yaml"] }
    let places = found.map { "\($0.span?.file ?? ""):\($0.span?.line ?? 0)" }
    #expect(
      Set(places) == ["compose.yaml:2", "over.yaml:4", "base.yaml:4", "inc.yaml:4"],
      "\(shown(found))")
  }

  @Test("warnings do not stop a load")
  func warnings() throws {
    let loaded = try loaded(
      "version: '3'\nservices: {a: {image: 'i$X', tty: yes}}\n")
    #expect(loaded.warnings.map(\.code) == ["B0170", "B0171", "B0172"])
    #expect(loaded.project.service("a")?.hasTerminal == true)
  }
}

@Suite("hostile files end with a fault and never with a trap")
struct HostileTests {
  static let texts: [String] = [
    "services: {a: {image: i, mem_limit: 9223372036854775808}}",
    "services: {a: {image: i, mem_limit: 1e999}}",
    "services: {a: {image: i, cpus: .nan}}",
    "services: {a: {image: i, scale: 99999999999999999999}}",
    "services: {a: {image: i, scale: -1}}",
    "services: {a: {image: i, ports: ['0-65535:0-65535']}}",
    "services: {a: {image: i, ports: [{target: 99999999999}]}}",
    "services: {a: {image: i, stop_grace_period: 9999999999999h}}",
    "services: {a: {image: i, configs: [{source: x, mode: '99999999999999999999'}]}}",
    "services: {a: {image: i, ulimits: {nofile: {soft: x, hard: 1}}}}",
    "services: {a: {image: i, healthcheck: {retries: -5}}}",
    "services: {a: {image: i, environment: [1, [2], {a: b}]}}",
    "services: {a: {image: i, volumes: [[x], {}, 5, null]}}",
    "services: {a: {image: i, ports: [[x], {}, null, 1.5]}}",
    "services: {a: {image: i, networks: {x: [1]}}}",
    "services: {a: {image: i, depends_on: {b: 5}}}",
    "services: {a: {build: {context: [1]}, develop: {watch: [5]}}}",
    "services: {a: {image: i, deploy: 5, logging: x, healthcheck: [1]}}",
    "services: {a: 5, b: [1], c: x}",
    "networks: 5\nvolumes: [x]\nsecrets: y\nconfigs: {a: 1}",
    "include: {a: b}", "include: [5, [x], {path: {a: b}}]",
    "services: {a: {extends: [x]}}", "services: {a: {extends: {service: [x]}}}",
    "services: {a: {image: i, env_file: [{path: [1]}]}}",
    "name: [x]\nservices: {a: {image: [1]}}",
    "services: &s {a: {image: i, x-a: *s}}",
    "services: {a: {image: \"\\0\", container_name: \"\\0\", hostname: \"\\e[0m\", tty: [x]}}",
    "services: {a: {image: i, tmpfs: {a: b}, dns: {a: b}, cap_add: {a: b}}}",
    "services: {a: {image: i, gpus: [{count: all, device_ids: [x]}]}}",
  ]

  @Test("each text", .timeLimit(.minutes(1)), arguments: texts.indices)
  func refused(index: Int) {
    let found = faults(Self.texts[index])
    #expect(!found.isEmpty, "\(Self.texts[index])")
    #expect(found.allSatisfy { $0.span != nil }, "\(Self.texts[index])")
  }

  @Test("a thousand unknown keys are told up to a bound")
  func many() {
    let text = "services: {a: {image: i}}\n" + (0..<3_000).map { "key\($0): 1\n" }.joined()
    let found = faults(text)
    #expect(found.count == 100)
  }
}
