// The schema and the loader say the same of the same text, as far as its structure goes.

import Diagnostics
import JSON
import Testing

@testable import Compose

@Suite("the schema accepts what the loader accepts")
struct SchemaAgreementTests {
  private let evaluator = SchemaEvaluator(composeFileSchema)
  private static let environment = ["WORD": "private", "NUMBER": "2", "FLAG": "true"]

  /// Faults of structure: keys, kinds of values, words, what is missing or stands twice, and text
  /// that is no value of its type.
  private static let structural: Set<String> = [
    "B0103", "B0110", "B0111", "B0112", "B0113", "B0114", "B0115", "B0117", "B0122",
  ]

  private static func loaderAccepts(_ text: String) -> Bool {
    !faults(text, environment: environment).contains { structural.contains($0.code ?? "") }
  }

  private func schemaAccepts(_ text: String) -> Bool {
    tree(text).map { evaluator.accepts($0) } ?? false
  }

  @Test("attributes of a service", arguments: serviceRows)
  func services(_ isAccepted: Bool, _ attributes: String) {
    let text = "services: {a: {image: i, \(attributes)}, b: {image: i}}"
    #expect(Self.loaderAccepts(text) == isAccepted, "the loader")
    #expect(schemaAccepts(text) == isAccepted, "the schema")
  }

  @Test("the top level", arguments: topRows)
  func top(_ isAccepted: Bool, _ text: String) {
    #expect(Self.loaderAccepts(text) == isAccepted, "the loader")
    #expect(schemaAccepts(text) == isAccepted, "the schema")
  }

  private static let serviceRows: [(Bool, String)] = [
    // keys
    (true, "x-mine: {a: [1, null]}"), (false, "imag: j"), (false, "X-mine: 1"),
    (false, "ports: [{target: 80, tarrget: 80}]"), (true, "ports: [{target: 80, x-a: 1}]"),
    (false, "build: {contxt: .}"), (false, "deploy: {resources: {limit: {}}}"),
    // text
    (false, "hostname: 5"), (true, "hostname: '5'"), (false, "hostname: "),
    (false, "hostname: [a]"), (true, "hostname: '${WORD}'"), (false, "restart: false"),
    (true, "pid: "), (true, "pid: host"), (false, "pid: 1"),
    // flags
    (true, "init: true"), (true, "init: 'True'"), (true, "init: yes"), (true, "init: OFF"),
    (false, "init: maybe"), (false, "init: 1"), (false, "init: "), (true, "init: '${FLAG}'"),
    (false, "init: ''"), (true, "use_api_socket: true"), (false, "use_api_socket: 'true'"),
    (false, "depends_on: {b: {condition: service_started, required: 'false'}}"),
    // numbers
    (true, "scale: 2"), (true, "scale: '2'"), (true, "scale: 2.0"), (false, "scale: 2.5"),
    (false, "scale: two"), (true, "scale: '${NUMBER}'"), (true, "cpus: .5"), (true, "cpus: '.5'"),
    (true, "cpus: 1e1"), (false, "cpus: [1]"), (false, "cpus: many"), (true, "pids_limit: 1.5"),
    (false, "pids_limit: '1.5'"), (true, "mem_limit: 1.5"), (true, "mem_limit: 512m"),
    (false, "mem_reservation: 1.5"), (false, "mem_limit: true"), (true, "shm_size: 0x10"),
    (true, "oom_score_adj: -1000"), (false, "oom_score_adj: -1001"),
    (false, "oom_score_adj: 1001"), (false, "cpu_count: -1"), (true, "cpu_count: 0"),
    (true, "networks: {default: {priority: 1.5}}"),
    (false, "networks: {default: {priority: '1'}}"),
    // words
    (true, "cgroup: host"), (false, "cgroup: hst"), (true, "cgroup: '${WORD}'"),
    (false, "cgroup: 1"), (true, "gpus: all"), (false, "gpus: some"), (true, "gpus: [{count: 1}]"),
    (false, "depends_on: {b: {condition: started}}"),
    // lists
    (true, "cap_add: [A, A]"), (false, "security_opt: [a, a]"), (true, "security_opt: [a, b]"),
    (false, "security_opt: a"), (false, "cap_add: [1]"), (true, "expose: [80, '81', 80]"),
    (false, "expose: [[80]]"), (true, "dns: 1.1.1.1"), (true, "dns: [1.1.1.1, 1.1.1.1]"),
    (false, "dns: {a: b}"), (false, "ports: "), (true, "ports: []"), (false, "ports: 80"),
    (true, "ports: [80, '81:81', {target: 82}]"), (false, "ports: [true]"),
    (false, "group_add: [1, 1]"),
    // commands
    (true, "command: "), (true, "command: a b"), (true, "command: [a, a]"), (false, "command: [1]"),
    (false, "command: {a: b}"), (true, "healthcheck: {test: [CMD, a]}"),
    (false, "healthcheck: {test: 1}"), (false, "healthcheck: "),
    // pairs and hosts
    (true, "environment: {A: , B: 1, C: true, D: x}"), (true, "environment: [A, A=1]"),
    (false, "environment: {A: [1]}"), (false, "environment: [{A: 1}]"), (false, "environment: "),
    (true, "extra_hosts: {a: [1.1.1.1], b: 1.1.1.1}"), (true, "extra_hosts: ['a=1.1.1.1']"),
    (false, "extra_hosts: {a: 1}"), (false, "build: {ssh: [default, default]}"),
    (true, "logging: {options: {a: , b: 1, c: x}}"), (false, "logging: {options: {a: true}}"),
    (true, "storage_opt: {a: [1, {b: c}]}"), (true, "provider: {type: a, options: {b: [c, 1]}}"),
    (false, "provider: {options: {}}"), (false, "provider: {type: a, options: {b: {}}}"),
    // maps of records
    (true, "ulimits: {nofile: 5, nproc: '6', core: {soft: 1, hard: '2'}}"),
    (false, "ulimits: {nofile: {soft: 1}}"), (false, "ulimits: {NOFILE: 1}"),
    (false, "ulimits: {nofile: x}"), (false, "ulimits: {nofile: }"),
    (true, "networks: {default: }"), (true, "networks: [default]"), (false, "networks: default"),
    (false, "networks: {'a b': }"), (false, "networks: {default: {alias: a}}"),
    (true, "depends_on: [b]"), (false, "depends_on: {b: {}}"), (false, "depends_on: {b: }"),
    // records
    (true, "deploy: "), (true, "develop: "), (false, "build: "), (true, "build: ."),
    (false, "blkio_config: []"), (true, "blkio_config: {device_read_bps: [{path: a, rate: 1m}]}"),
    (false, "blkio_config: {weight_device: [{path: a, weight: heavy}]}"),
    (true, "env_file: [a, {path: b, required: false}]"), (false, "env_file: [{format: raw}]"),
    (true, "secrets: [a, {source: b, mode: 0440}]"), (false, "secrets: [{source: [a]}]"),
    (false, "devices: [{target: /x}]"), (false, "pre_stop: [{user: a}]"),
    (false, "deploy: {resources: {reservations: {devices: [{count: 1}]}}}"),
    (false, "develop: {watch: [{path: a, action: copy}]}"),
    (true, "develop: {watch: [{path: a, action: rebuild, ignore: b}]}"),
    // mounts
    (true, "volumes: [/a, '/b:/c:ro', {type: tmpfs, target: /d, tmpfs: {mode: 01777}}]"),
    (false, "volumes: [{source: /a, target: /b}]"), (false, "volumes: [{type: bind, source: /a}]"),
    (false, "volumes: [{type: dir, target: /b}]"), (true, "volumes: [{type: volume, target: /b}]"),
    (false, "volumes: [{type: bind, target: /b, bind: {selinux: x}}]"),
    (true, "volumes: [{type: bind, source: /a, target: /b, x-berth: {bind_owner: map}}]"),
    (false, "volumes: [{type: bind, target: /b, x-berth: {bind_owner: keep}}]"),
    (false, "volumes: [{type: bind, target: /b, x-berth: {owner: map}}]"),
  ]

  private static let topRows: [(Bool, String)] = [
    (true, "name: a\nversion: '3'\nservices: {}\nx-a: 1"), (false, "version: 3\nservices: {}"),
    (false, "servces: {}"), (false, "services: []"), (false, "services: "),
    (false, "services: {a: }"), (false, "services: {'a b': {image: i}}"),
    (false, "services: {5: {image: i}}\nx: 1"), (true, "services: {a.b-c_D: {image: i}}"),
    (true, "volumes: {a: }\nnetworks: {b: }\nservices: {}"), (false, "secrets: {a: }"),
    (false, "configs: {a: }"), (false, "models: {a: {name: x}}"),
    (true, "models: {a: {model: x, context_size: 5, runtime_flags: [a, a]}}"),
    (false, "models: {a: {model: x, context_size: '5'}}"),
    (true, "volumes: {a: {external: true}, b: {external: {name: c}}}"),
    (true, "volumes: {a: {external: 'true'}}"), (false, "volumes: {a: {external: maybe}}"),
    (false, "volumes: {a: {external: {nam: c}}}"), (false, "volumes: [a]"),
    (true, "volumes: {a: {driver_opts: {b: 1, c: d}}}"),
    (false, "volumes: {a: {driver_opts: {b: true}}}"),
    (true, "networks: {a: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}"),
    (false, "networks: {a: {ipam: {config: {subnet: 10.0.0.0/8}}}}"),
    (false, "networks: {a: {ipam: {config: [{subnett: 10.0.0.0/8}]}}}"),
    (true, "configs: {a: {content: b}}"), (false, "secrets: {a: {content: b}}"),
    (true, "secrets: {a: {driver: b, file: c}}"), (false, "configs: {a: {driver: b, file: c}}"),
    (false, "include: a.yaml"), (true, "x-a: \nservices: {}"),
  ]

  // MARK: every attribute

  /// One of each kind, for every attribute of every table.
  private static let values: [JSONValue] = [
    .null, true, 1, .number(JSONNumber(1.5) ?? JSONNumber(1)), "a", "1", "true", "", [], ["a"],
    [1], [[:]], [.null], [:], ["a": 1], ["a": "b"], ["a": .null], ["a": ["b"]],
    ["a b": "c"], ["x-a": 1],
  ]

  @Test("every attribute with a value of each kind")
  func everyAttribute() {
    var disagreements: [String] = []
    for place in Self.places {
      for value in Self.values {
        let document = place.wrap(value)
        let text = document.text()
        let isAccepted = evaluator.accepts(document)
        guard Self.loaderAccepts(text) != isAccepted else { continue }
        disagreements.append("\(isAccepted ? "only the schema" : "only the loader"): \(text)")
      }
    }
    #expect(disagreements == [])
    #expect(Self.places.count > 300)
  }

  @Test("what stands twice is a fault in the schema only where it is one for the loader")
  func duplicates() {
    let flagged = Self.places.map { $0.wrap(["a", "a"]) }.filter { document in
      !evaluator.accepts(document) && Self.loaderAccepts(document.text())
    }
    #expect(flagged.map { $0.text() } == [])
  }

  /// A place in a compose file, with all that must be around a value there.
  private struct Surrounded: Sendable {
    let path: String
    let wrap: @Sendable (JSONValue) -> JSONValue
  }

  /// `include` and `extends` are gone before the loader looks at structure; the words of
  /// `pull_policy` are no part of its table.
  private static let left = ["include", "services.*.extends", "services.*.pull_policy"]

  private static let places = places(in: Tables.file, "") { $0 }
    .filter { place in !left.contains { place.path == $0 || place.path.hasPrefix($0 + ".") } }

  private static func places(
    in record: Record, _ path: String, _ wrap: @escaping @Sendable (JSONValue) -> JSONValue
  ) -> [Surrounded] {
    record.attributes.flatMap { attribute in
      let path = path.isEmpty ? attribute.name : "\(path).\(attribute.name)"
      let around: @Sendable (JSONValue) -> JSONValue = { value in
        var object = needed(record)
        object[attribute.name] = value
        return wrap(.object(object))
      }
      return [Surrounded(path: path, wrap: around)] + places(in: attribute.shape, path, around)
    }
  }

  private static func places(
    in shape: Shape, _ path: String, _ wrap: @escaping @Sendable (JSONValue) -> JSONValue
  ) -> [Surrounded] {
    switch shape {
    case .record(let record): places(in: record, path, wrap)
    case .list(let item, _): places(in: item, "\(path).*") { wrap([$0]) }
    case .map(let value, _): places(in: value, "\(path).*") { wrap(["a": $0]) }
    case .either(let shapes): shapes.flatMap { places(in: $0, path, wrap) }
    case .any, .scalar, .word: []
    }
  }

  private static func needed(_ record: Record) -> JSONObject {
    var object = JSONObject()
    for name in record.required {
      object[name] = record[name].map { sample($0.shape, $0.cast) }
    }
    // What keys demand of each other is no matter of the tables, and so is met here.
    if record === Tables.mount {
      object["type"] = "volume"
      object["target"] = "/t"
    }
    if record === Tables.secret || record === Tables.config {
      object["file"] = "f"
      object["environment"] = "E"
    }
    return object
  }

  private static func sample(_ shape: Shape, _ cast: Cast) -> JSONValue {
    switch shape {
    case .word(let words): .string(words.first ?? "")
    case .list: ["a"]
    case .either(let shapes): shapes.first.map { sample($0, cast) } ?? .null
    case .any, .scalar, .map, .record: cast == .int ? 1 : "a"
    }
  }
}
