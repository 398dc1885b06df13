// Files of the Container Device Interface, in both of their forms, and devices looked up by name.

import Diagnostics
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Runtime

@Suite("Devices that vendors describe are found by their names")
struct DeviceInterfaceTests {
  static let json = #"""
    {"cdiVersion": "0.6.0", "kind": "vendor.com/thing", "containerEdits": {"env": ["ALL=1"]},
     "devices": [
      {"name": "a", "containerEdits": {
        "env": ["A=1"], "additionalGids": [0, 5],
        "deviceNodes": [{"path": "/dev/a", "hostPath": "/dev/null", "permissions": "r",
                         "fileMode": 416, "uid": 1, "gid": 2, "type": "c", "major": 1, "minor": 3}],
        "mounts": [{"hostPath": "/lib/a", "containerPath": "/a", "options": ["ro", "nosuid"]}]}},
      {"name": "7", "containerEdits": {"deviceNodes": [{"path": "/dev/zero"}]}},
      {"name": "hooked", "containerEdits": {"hooks": [{"hookName": "createRuntime", "path": "/x"}]}}
     ]}
    """#

  static let yaml = """
    cdiVersion: 0.6.0
    kind: vendor.com/thing
    containerEdits:
      env:
        - ALL=1
    devices:
      - name: a
        containerEdits:
          env: [A=1]
          additionalGids: [0, 5]
          deviceNodes:
            - {path: /dev/a, hostPath: /dev/null, permissions: r, fileMode: 0o640, uid: 1, gid: 2}
          mounts:
            - hostPath: /lib/a
              containerPath: /a
              options: [ro, nosuid]
      - name: 7
        containerEdits:
          deviceNodes: [{path: /dev/zero}]
      - name: "hooked"
        containerEdits:
          hooks: [{hookName: createRuntime, path: /x}]
    """

  @Test("JSON and YAML say the same", arguments: [("d.json", json), ("d.yaml", yaml)])
  func forms(_ name: String, _ text: String) throws {
    let file = try DeviceFile(Array(text.utf8), path: name)
    #expect(file.kind == "vendor.com/thing")
    #expect(file.edits.environment == ["ALL=1"])
    #expect(file.devices.map(\.name) == ["a", "7", "hooked"])
    let edits = file.devices[0].edits
    #expect(
      edits.nodes == [
        DeviceEdits.Node(
          path: "/dev/a", source: "/dev/null", permissions: "r", mode: 0o640, user: 1, group: 2)
      ])
    #expect(
      edits.mounts == [DeviceEdits.Mount(source: "/lib/a", target: "/a", isReadOnly: true)])
    #expect(edits.groups == [5])
    #expect(file.devices[1].edits.nodes.map(\.permissions) == ["rwm"])
    #expect(file.devices[2].edits.unsupported == "hooks on the host")
  }

  @Test(
    "what cannot be used is told with its place",
    arguments: [
      ("[]", "", "it is no mapping"),
      (#"{"cdiVersion": "9.0"}"#, "cdiVersion", "it is none that is known: 0.x or 1.x"),
      (#"{"cdiVersion": "0.5.0", "kind": "gpu"}"#, "kind", "it is not `vendor/class`"),
      (device(#""name": """#), "devices[0].name", "it is missing"),
      (edits(#""env": ["A"]"#), "devices[0].containerEdits.env", "it is no list of `NAME=value`"),
      (
        edits(#""deviceNodes": [{"path": "dev/x"}]"#),
        "devices[0].containerEdits.deviceNodes[0].path", "it is no absolute path"
      ),
      (
        edits(#""mounts": [{"hostPath": "/a", "containerPath": "/../b"}]"#),
        "devices[0].containerEdits.mounts[0].containerPath", "it is no absolute path"
      ),
      (
        edits(#""additionalGids": ["x"]"#), "devices[0].containerEdits.additionalGids",
        "it is no list of numbers"
      ),
      (
        edits(#""deviceNodes": [{"path": "/dev/x", "type": "p"}]"#),
        "devices[0].containerEdits.deviceNodes[0].type",
        "berth makes nodes of devices alone, not `p`"
      ),
    ])
  func refused(_ text: String, _ place: String, _ reason: String) {
    #expect(throws: DeviceInterfaceError(file: "d.json", place: place, reason: reason)) {
      try DeviceFile(Array(text.utf8), path: "d.json")
    }
  }

  private static func device(_ members: String) -> String {
    #"{"cdiVersion": "0.5.0", "kind": "a/b", "devices": [{\#(members)}]}"#
  }

  private static func edits(_ member: String) -> String {
    device(#""name": "x", "containerEdits": {\#(member)}"#)
  }

  @Test("later folders go before earlier ones; what is twice in one is refused")
  func folders() throws {
    var template = Array("/tmp/berth-devices-XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let top = FilePath(platformString: template)
    defer { try? removeTree(top) }
    func write(_ name: String, _ value: String) throws {
      let path = top.appending(name)
      try makeFolders(path.removingLastComponent())
      let text = Self.edits(#""env": ["FROM=\#(value)"]"#)
      let raw = path.withPlatformString { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
      try #require(raw >= 0)
      try Descriptor(owning: raw).writeAll(Array(text.utf8))
    }
    func registry() -> DeviceRegistry {
      DeviceRegistry(folders: ["etc", "run", "none"].map { top.appending($0).string })
    }
    try write("etc/one.json", "etc")
    try write("etc/ignored.txt", "text")
    #expect(try registry().edits(for: ["a/b=x"], span: nil).environment == ["FROM=etc"])
    try write("run/one.json", "run")
    #expect(try registry().edits(for: ["a/b=x"], span: nil).environment == ["FROM=run"])
    #expect(registry().names(of: "a/b") == ["x", "x"])
    let unknown = #expect(throws: UnknownDevice.self) {
      try registry().edits(for: ["a/b=y"], span: nil)
    }
    #expect(unknown?.diagnostics.first?.hint == "did you mean `a/b=x`?")
    try write("run/two.json", "two")
    #expect(throws: DeviceInterfaceError.self) {
      try registry().edits(for: ["a/b=x"], span: nil)
    }
  }
}
