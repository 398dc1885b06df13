// Corners where what docker compose does is not what one would guess: each row is a rule of its
// loader that real files lean on.

import Diagnostics
import Testing

@testable import Compose

@Suite("corners are as docker compose has them")
struct ReferenceTests {
  /// label, what stands in the service `s` beside its image, the rest of the file, path, JSON
  static let accepted: [(String, String, String, [String], String)] = [
    (
      "an external network may say more, which has no effect", "",
      "networks: {n: {external: true, driver: bridge}}", ["services", "s", "image"], #""i""#
    ),
    ("include with nothing after it", "", "include:", ["services", "s", "image"], #""i""#),
    (
      "a mapping makes a resource external", "volumes: [\"vol:/v\"]",
      "volumes: {vol: {external: {}}}",
      ["volumes", "vol"], #"{"external":true,"name":"vol"}"#
    ),
    (
      "a bind device is resolved for the driver that is named", "volumes: [\"vol:/v\"]",
      "volumes: {vol: {driver: local, driver_opts: {type: none, o: bind, device: ./d}}}",
      ["volumes", "vol", "driver_opts", "device"], #""/shop/d""#
    ),
    (
      "a bind device is left when no driver is named", "volumes: [\"vol:/v\"]",
      "volumes: {vol: {driver_opts: {type: none, o: bind, device: ./d}}}",
      ["volumes", "vol", "driver_opts", "device"], #""./d""#
    ),
    (
      "a limit of nothing", "ulimits: {core: 0, nofile: 5}", "", ["services", "s", "ulimits"],
      #"{"core":{},"nofile":5}"#
    ),
    (
      "home is joined and cleaned", "volumes: [\"~/a/../b/:/x\"]", "",
      ["services", "s", "volumes"],
      #"[{"bind":{"create_host_path":true},"source":"/home/b","target":"/x","type":"bind"}]"#
    ),
    (
      "an empty build context stays", "build: {context: \"\", target: t}", "",
      ["services", "s", "build"], #"{"dockerfile":"Dockerfile","target":"t"}"#
    ),
    (
      "a scale becomes the replicas of a deploy", "scale: 2, deploy: {mode: replicated}", "",
      ["services", "s", "deploy", "replicas"], "2"
    ),
    (
      "delays of nothing are left out",
      "deploy: {update_config: {delay: 0s, parallelism: 1}, restart_policy: {delay: 0s}}", "",
      ["services", "s", "deploy"],
      #"{"placement":{},"resources":{},"restart_policy":{"delay":"0s"},"update_config":{"parallelism":1}}"#
    ),
    (
      "parts of a device that are empty", "devices: [\":/dev/x\", \"/dev/y:\"]", "",
      ["services", "s", "devices"],
      #"[{"permissions":"rwm","target":"/dev/x"},{"permissions":"rwm","source":"/dev/y","target":"/dev/y"}]"#
    ),
    (
      "extra hosts: no address, several, a map's text", "extra_hosts: [\"a:\", \"b:1.1.1.1,::1\"]",
      "", ["services", "s", "extra_hosts"], #"["a=","b=1.1.1.1","b=::1"]"#
    ),
    (
      "thirds are kept in 32 bits", "cpus: 0.33333333", "", ["services", "s", "cpus"], "0.33333334"
    ),
    (
      "a priority has no fraction", "networks: {default: {priority: 1.5}}", "",
      ["services", "s", "networks"], #"{"default":{"priority":1}}"#
    ),
    (
      "mounts of one or two bytes", "volumes: [\"/x\"]", "", ["services", "s", "volumes"],
      #"[{"target":"/x","type":"volume"}]"#
    ),
    (
      "numbers that are always shown",
      "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: g}}]}}}",
      "", ["services", "s", "deploy", "resources", "reservations"],
      #"{"generic_resources":[{"discrete_resource_spec":{"kind":"g","value":0}}]}"#
    ),
    (
      "tmpfs with options", "tmpfs: [\"/r:size=1\", \"/r:size=2\"]", "",
      ["services", "s", "tmpfs"], #"["/r:size=2"]"#
    ),
    (
      "a number and a text are two", "group_add: [1000, \"1000\"]", "",
      ["services", "s", "group_add"], #"["1000","1000"]"#
    ),
    (
      "a profile that is an empty text is on", "profiles: [\"${P:-}\"]", "",
      ["services", "s", "profiles"], #"[""]"#
    ),
    (
      "a limit of nothing beside another",
      "mem_limit: 0, deploy: {resources: {limits: {memory: 1g}}}",
      "", ["services", "s", "deploy", "resources", "limits"], #"{"memory":"1073741824"}"#
    ),
    (
      "a name that is a variable which is not set", "labels: [\"${UNSET:-}=x\"]", "",
      ["services", "s", "labels"], #"{"":"x"}"#
    ),
    (
      "both dockerfiles, one empty", "build: {dockerfile: \"\", dockerfile_inline: FROM x}", "",
      ["services", "s", "build", "dockerfile_inline"], #""FROM x""#
    ),
    (
      "a service's model with nothing", "models: {m: }", "models: {m: {model: x}}",
      ["services", "s", "models"], #"{"m":null}"#
    ),
    (
      "names that only `up` minds", "networks: [\"a b\"]", "networks: {\"a b\": {}}",
      ["networks"], #"{"a b":{"ipam":{},"name":"shop_a b"}}"#
    ),
  ]

  @Test("accepted, and shown", arguments: accepted.indices)
  func shows(index: Int) throws {
    let (label, service, rest, path, expected) = Self.accepted[index]
    let text = "services: {s: {image: i\(service.isEmpty ? "" : ", " + service)}}\n\(rest)\n"
    let project = try loaded(text, environment: ["HOME": "/home"]).project
    #expect(try json(project, path) == expected, "\(label)")
  }

  /// label, files, path, JSON
  static let several: [(String, [String: String], [String], String)] = [
    (
      "address pools of a later file take the place of the earlier ones",
      [
        "compose.yaml": "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24}]}}}",
        "compose.override.yaml": "networks: {default: {ipam: {config: [{subnet: 10.2.0.0/24}]}}}",
      ], ["networks", "default", "ipam", "config"], #"[{"subnet":"10.2.0.0/24"}]"#
    ),
    (
      "a pool of the same subnet is added to",
      [
        "compose.yaml":
          "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24, gateway: 10.1.0.9}]}}}",
        "compose.override.yaml":
          "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24, ip_range: 10.1.0.0/28}]}}}",
      ], ["networks", "default", "ipam", "config"],
      #"[{"gateway":"10.1.0.9","ip_range":"10.1.0.0/28","subnet":"10.1.0.0/24"}]"#
    ),
    (
      "what is one's own is merged as all else",
      [
        "compose.yaml": "x-t: {a: 1, l: [1], n: 2}",
        "compose.override.yaml": "x-t: {b: 2, l: [2], n: }",
      ], ["x-t"], #"{"a":1,"b":2,"l":[1,2],"n":2}"#
    ),
    (
      "tags in an extended file hold against what that file extends",
      [
        "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}",
        "b.yaml": """
        services:
          b: {extends: c, ports: !reset [], environment: !override {Z: 1}}
          c: {image: i, ports: ["80"], environment: {A: 1}}
        """,
      ], ["services", "a", "environment"], #"{"Z":"1"}"#
    ),
    (
      "an included file's own env file is for its variables without a value",
      [
        "compose.yaml": "include: [sub/inc.yaml]", "sub/.env": "OWN=1",
        "sub/inc.yaml": "services: {i: {image: i, environment: [OWN, NOT]}}",
      ], ["services", "i", "environment"], #"{"NOT":null,"OWN":"1"}"#
    ),
    (
      "anchors go on into later documents",
      ["compose.yaml": "x-a: &a {image: j}\n---\nservices: {t: *a}"],
      ["services", "t", "image"], #""j""#
    ),
    (
      "build secrets may stand twice",
      [
        "compose.yaml": "services: {t: {build: {secrets: [x]}}}\nsecrets: {x: {file: f}}",
        "compose.override.yaml": "services: {t: {build: {secrets: [x]}}}",
      ], ["services", "t", "build", "secrets"], #"[{"source":"x"},{"source":"x"}]"#
    ),
  ]

  @Test("several texts", arguments: several.indices)
  func merges(index: Int) throws {
    let (label, files, path, expected) = Self.several[index]
    var folder = Folder(files)
    let main = folder.files["/shop/compose.yaml"] ?? ""
    if !main.contains("services:") {
      folder.files["/shop/compose.yaml"] = main + "\nservices: {s: {image: i}}\n"
    }
    #expect(try json(folder.load().project, path) == expected, "\(label)")
  }

  /// label, what stands in the service `s`, the rest of the file, code
  static let refused: [(String, String, String, String)] = [
    ("no name", "container_name: \"\"", "", "B0115"),
    ("a name of one letter", "container_name: x", "", "B0115"),
    ("an empty policy", "pull_policy: \"\"", "", "B0113"),
    (
      "a text for what only a boolean is",
      "depends_on: {t: {condition: service_started, required: \"false\"}}", "", "B0111"
    ),
    ("a port without its target", "ports: [{published: 80}]", "", "B0112"),
    (
      "a limit that `deploy` lacks", "pids_limit: 10, deploy: {resources: {limits: {memory: 1g}}}",
      "", "B0142"
    ),
    (
      "an optional dependency on nothing",
      "depends_on: {x: {condition: service_started, required: false}}", "", "B0140"
    ),
    (
      "a build from a service that is off", "build: {additional_contexts: {b: \"service:off\"}}",
      "", "B0140"
    ),
    ("a secret from a driver", "tty: false", "secrets: {s: {driver: d}}", "B0112"),
    ("a grant of nothing", "secrets: [{target: x}]", "", "B0140"),
    ("a watch of nothing", "develop: {watch: [{path: \"\", action: rebuild}]}", "", "B0116"),
    ("an extra host without a name", "extra_hosts: [\":1.1.1.1\"]", "", "B0115"),
    ("a size below zero", "volumes: [{type: tmpfs, target: /t, tmpfs: {size: -1}}]", "", "B0117"),
    ("a context without a place", "build: {additional_contexts: [x]}", "", "B0116"),
    ("more than all of the time", "cpu_percent: 150", "", "B0117"),
    ("a name that is a variable which is not set", "tty: false", "name: ${UNSET}", "B0152"),
  ]

  @Test("refused", arguments: refused.indices)
  func refuses(index: Int) {
    let (label, service, rest, code) = Self.refused[index]
    let found = faults(
      "services: {s: {image: i, \(service)}, t: {image: i}, off: {build: ., profiles: [p]}}\n\(rest)\n"
    )
    #expect(found.map(\.code) == [code], "\(label): \(found.map(\.summary))")
  }
}
