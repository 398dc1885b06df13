import Blueprint
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("A hostile image reaches nothing outside of its root", .enabled(if: isRoot))
struct HostileImageTests {
  @Test("/dev/null as a link to a file of the host does not unmask anything")
  func nullLink() async throws {
    let box = try Box()
    _ = mkdir(box.layer.appending("dev").string, 0o755)
    box.link("null", to: "/proc/sys/kernel/core_pattern", in: "dev")
    let result = try await box.shell("stat -c %t:%T /dev/null; test -s /proc/keys || echo masked")
    #expect(result.lines == ["1:3", "masked"], "\(result)")
  }

  @Test("standard folders that are links are refused", arguments: ["dev", "proc", "sys"])
  func folderLink(_ name: String) async throws {
    let box = try Box()
    let canary = try box.hostFolder("canary")
    box.link(name, to: canary.string)
    let result = try await box.start()
    #expect(result.exitCode == 1, "\(result)")
    #expect(result.errorOutput.contains("mounting /\(name)"), "\(result)")
    #expect(names(canary) == [])
  }

  @Test("a standard folder that is a file is refused")
  func folderFile() async throws {
    let box = try Box()
    try box.write("x", "proc")
    let result = try await box.start()
    #expect(result.exitCode == 1, "\(result)")
  }

  @Test("a fifo as /etc/passwd is refused at once", arguments: ["passwd", "group"])
  func accountsFifo(_ name: String) async throws {
    let box = try Box()
    let path = box.layer.appending("etc").appending(name).string
    unlink(path)
    mkfifo(path, 0o644)
    let result = try await box.start()
    #expect(result.exitCode == 1, "\(result)")
    #expect(result.errorOutput.contains("not a regular file"), "\(result)")
    #expect(result.duration < .seconds(5))
  }

  @Test("a passwd file of more than one MiB is refused")
  func accountsHuge() async throws {
    let box = try Box()
    truncate(box.layer.appending("etc/passwd").string, (1 << 20) + 1)
    let result = try await box.start()
    #expect(result.exitCode == 1, "\(result)")
    #expect(result.errorOutput.contains("file too large"), "\(result)")
  }

  @Test("a passwd file that is a link out is looked up inside")
  func accountsLink() async throws {
    let box = try Box()
    unlink(box.layer.appending("etc/passwd").string)
    box.link("passwd", to: "/../../../../../../etc/shadow-of-the-host", in: "etc")
    box.blueprint.process.user = "app"
    let result = try await box.start()
    #expect(result.errorOutput.contains("unable to find user app"), "\(result)")
  }

  @Test(
    "a working folder never leads through a descriptor",
    arguments: ["/proc/self/fd/4", "/proc/self/fd/4/..", "/proc/1/cwd", "/cwd", "/proc/self/root"])
  func workingFolder(_ path: String) async throws {
    let box = try Box()
    box.link("cwd", to: "/proc/self/fd/4")
    box.blueprint.process.workingDirectory = Bytes(path)
    let result = try await box.shell(
      "pwd; ls", before: ["/bin/sh", "-c", "exec 4</; exec \"$@\"", "sh"])
    #expect(result.exitCode == 1, "\(result)")
    #expect(result.output.isEmpty, "\(result)")
  }

  @Test("a working folder with `..` stays below the root")
  func dotdot() async throws {
    let box = try Box()
    box.blueprint.process.workingDirectory = "/../../../etc"
    #expect(try await box.shell("pwd").output == "/etc\n")
  }

  @Test("targets and files that are links out are made inside")
  func linkedTargets() async throws {
    let box = try Box()
    let canary = try box.hostFolder("canary")
    let source = try box.hostFolder("source")
    box.link("data", to: canary.string + "/made")
    unlink(box.layer.appending("etc/hosts").string)
    box.link("hosts", to: canary.string + "/hosts", in: "etc")
    box.blueprint.mounts = [
      .bind(
        source: Bytes(source.string), target: "/data", readOnly: false, createSource: false,
        propagation: nil)
    ]
    let result = try await box.shell("touch /data/file; cat /etc/hosts | head -1")
    #expect(result.output == "127.0.0.1\tlocalhost\n", "\(result)")
    #expect(names(canary) == [])
    #expect(names(source) == ["file"])
  }

  @Test("first fill copies links as links and never what they lead to")
  func fillLinks() async throws {
    let box = try Box()
    let canary = try box.hostFolder("canary")
    let data = try box.hostFolder("volume").appending("data")
    mkdir(data.string, 0o755)
    _ = mkdir(box.layer.appending("store").string, 0o750)
    box.link("out", to: canary.string, in: "store")
    box.link("up", to: "../../../..", in: "store")
    try box.write("content", "store/file", mode: 0o640)
    _ = link(
      box.layer.appending("store/file").string, box.layer.appending("store/twin").string)
    box.blueprint.mounts = [
      .volume(
        name: "v", source: Bytes(data.string), target: "/store", readOnly: false,
        fillFromImage: true)
    ]
    let script =
      "readlink /store/out; readlink /store/up; cat /store/file; stat -c '%a %h' /store/file; "
      + "stat -c %a /store; echo new > /store/file; touch /store/more"
    let result = try await box.shell(script)
    #expect(
      result.lines == [canary.string, "../../../..", "content640 2", "750"], "\(result)")
    #expect(names(canary) == [])
    // Never twice: what the container wrote and removed stays so.
    let second = try await box.shell("cat /store/file; rm -r /store/* 2>/dev/null; ls /store")
    #expect(second.output.hasPrefix("new\n"), "\(second)")
    #expect(names(data.removingLastComponent()) == ["data", "filled"])
  }
}

func names(_ folder: FilePath) -> [String] {
  guard let stream = opendir(folder.string) else { return ["missing"] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}
