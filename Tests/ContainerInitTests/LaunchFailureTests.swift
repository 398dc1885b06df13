import Blueprint
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("A container that cannot start says why and leaves nothing", .enabled(if: isRoot))
struct LaunchFailureTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var name: String
    var code: Int32
    var message: String
    var change: @Sendable (inout ContainerBlueprint) -> Void
    var testDescription: String { name }

    init(
      _ name: String, _ code: Int32, _ message: String,
      _ change: @escaping @Sendable (inout ContainerBlueprint) -> Void
    ) {
      self.name = name
      self.code = code
      self.message = message
      self.change = change
    }
  }

  static let rows = [
    Row("no such command", 127, "exec: \"nope\": executable file not found in $PATH") {
      $0.process.arguments = ["nope"]
    },
    Row("no such file", 127, "exec: \"/nope\": stat /nope: no such file or directory") {
      $0.process.arguments = ["/nope"]
    },
    Row("a file that is no program", 126, "exec: \"/etc/passwd\": permission denied") {
      $0.process.arguments = ["/etc/passwd"]
    },
    Row("a folder", 126, "exec: \"/etc\": is a directory") { $0.process.arguments = ["/etc"] },
    Row("no command", 1, "no command specified") { $0.process.arguments = [""] },
    Row("unknown user", 1, "unable to find user nope: no matching entries in passwd file") {
      $0.process.user = "nope"
    },
    Row("unknown group", 1, "unable to find group nope: no matching entries in group file") {
      $0.process.user = "root:nope"
    },
    Row("user out of range", 1, "uids and gids must be in range 0-2147483647") {
      $0.process.user = "2147483648"
    },
    Row("user far out of range", 1, "uids and gids must be in range 0-2147483647") {
      $0.process.user = "18446744073709551616"
    },
    Row("missing source of a bind", 1, "bind source path does not exist: /nonexistent/berth") {
      $0.mounts = [
        .bind(
          source: "/nonexistent/berth", target: "/data", readOnly: false, createSource: false,
          propagation: nil)
      ]
    },
    Row("unknown capability", 1, "unknown capability `NOPE`") {
      $0.security.capabilities = ["NOPE"]
    },
    Row("missing filter", 1, "reading the seccomp filter") {
      $0.security.seccompFilter = "/nonexistent/filter.bpf"
    },
    Row("missing layer", 1, "mounting the root file system") {
      $0.root.layers = ["/nonexistent/layer"]
    },
    Row("unknown tmpfs option", 1, "fsconfig `tmpfs loop=1`") {
      $0.mounts = [.tmpfs(target: "/x", size: nil, mode: nil, options: ["loop=1"])]
    },
    Row("missing device", 1, "adding device `/dev/nonexistent`") {
      $0.security.devices = [
        DeviceBlueprint(source: "/dev/nonexistent", target: "/dev/x", permissions: "rwm")
      ]
    },
    Row("setting of an interface that never came", 1, "setting sysctl `net.ipv4.conf.nope") {
      $0.security.sysctls = ["net.ipv4.conf.nope.forwarding": "1"]
    },
    Row("unknown limit", 1, "setting `ulimits.nope`") {
      $0.resources.limits = [ProcessLimit(name: "nope", soft: 1, hard: 1)]
    },
  ]

  @Test("told with its stage and exit code", arguments: rows)
  func told(_ row: Row) async throws {
    let box = try Box()
    row.change(&box.blueprint)
    let result = try await box.start()
    #expect(result.exitCode == row.code, "\(result)")
    #expect(result.errorOutput.contains(row.message), "\(result)")
  }

  @Test(
    "a mount target that would replace the kernel's files or the root is refused",
    arguments: [
      "/", "/.", "/..", "/bin/..", "/proc", "/proc/", "/proc/self", "/proc/self/attr",
      "/proc/sys", "/./proc/1", "/sys", "relative", "/link/version", "/rootlink",
    ])
  func targets(_ target: String) async throws {
    let box = try Box()
    box.link("link", to: "proc")
    box.link("rootlink", to: "/")
    let source = try box.hostFolder("source")
    box.blueprint.mounts = [
      .bind(
        source: Bytes(source.string), target: Bytes(target), readOnly: false, createSource: false,
        propagation: nil)
    ]
    let result = try await box.start()
    #expect(result.exitCode == 1, "\(result)")
    #expect(
      result.errorOutput.contains("cannot be a mount target")
        || result.errorOutput.contains("in this image"), "\(result)")
  }

  @Test("a mount asked for under the files of /proc that may be replaced is done")
  func allowedTarget() async throws {
    let box = try Box()
    let source = try box.hostFolder("source").appending("uptime")
    let file = open(source.string, O_CREAT | O_WRONLY, 0o644)
    Glibc.write(file, "42\n", 3)
    close(file)
    box.blueprint.mounts = [
      .bind(
        source: Bytes(source.string), target: "/proc/uptime", readOnly: true, createSource: false,
        propagation: nil)
    ]
    let result = try await box.shell("cat /proc/uptime")
    #expect(result.output == "42\n", "\(result)")
  }
}
