import Blueprint
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite("Binds, volumes and tmpfs are where the file says", .enabled(if: isRoot))
struct MountTests {
  private func bind(
    _ source: FilePath, _ target: String, readOnly: Bool = false, create: Bool = false
  ) -> MountStep {
    .bind(
      source: Bytes(source.string), target: Bytes(target), readOnly: readOnly,
      createSource: create, propagation: nil)
  }

  @Test("a bind can be written, a read-only one cannot, nor what is mounted below it")
  func binds() async throws {
    let box = try Box()
    let source = try box.hostFolder("source")
    box.blueprint.mounts = [bind(source, "/rw"), bind(source, "/ro", readOnly: true)]
    let result = try await box.shell("touch /rw/a; touch /ro/b 2>/dev/null; ls /ro; touch /ro/b")
    #expect(result.output == "a\n")
    #expect(result.errorOutput.contains("Read-only file system"))
    #expect(names(source) == ["a"])
  }

  @Test("a missing source is made when the file says so")
  func createdSource() async throws {
    let box = try Box()
    let source = box.top.appending("made/by/berth")
    box.blueprint.mounts = [bind(source, "/x", create: true)]
    #expect(try await box.shell("touch /x/y").exitCode == 0)
    #expect(names(source) == ["y"])
  }

  @Test("deep targets lie in shallow ones, in whatever order they are written")
  func nested() async throws {
    let box = try Box()
    let outer = try box.hostFolder("outer")
    let inner = try box.hostFolder("inner")
    box.blueprint.mounts = [bind(inner, "/data/in/deep"), bind(outer, "/data")]
    let result = try await box.shell("touch /data/outer-file /data/in/deep/inner-file; ls /data")
    #expect(result.lines == ["in", "outer-file"], "\(result)")
    #expect(names(inner) == ["inner-file"])
  }

  @Test("a file is bound on a file that is made for it; the user's own hosts file wins")
  func files() async throws {
    let box = try Box()
    let file = try box.hostFolder("source").appending("hosts")
    let raw = open(file.string, O_CREAT | O_WRONLY, 0o644)
    Glibc.write(raw, "mine\n", 5)
    close(raw)
    box.blueprint.mounts = [bind(file, "/etc/hosts"), bind(file, "/new/place/file")]
    let result = try await box.shell("cat /etc/hosts /new/place/file; cat /etc/hostname")
    #expect(result.lines == ["mine", "mine", "box"], "\(result)")
  }

  @Test("tmpfs has its size, mode and options")
  func tmpfs() async throws {
    let box = try Box()
    box.blueprint.mounts = [
      .tmpfs(target: "/a", size: 1 << 20, mode: 0o700, options: []),
      .tmpfs(target: "/b", size: nil, mode: nil, options: ["exec", "ro", "uid=5"]),
    ]
    let result = try await box.shell("mount | grep -E ' /[ab] '; stat -c '%a %u' /a /b")
    #expect(
      result.lines == [
        "tmpfs on /a type tmpfs (rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700)",
        "tmpfs on /b type tmpfs (ro,nosuid,nodev,relatime,uid=5)", "700 0", "1777 5",
      ], "\(result)")
  }

  @Test("a read-only root refuses writes, volumes and /dev/shm do not")
  func readOnlyRoot() async throws {
    let box = try Box()
    let source = try box.hostFolder("source")
    box.blueprint.root.readOnly = true
    box.blueprint.process.workingDirectory = "/made/for/it"
    box.blueprint.mounts = [bind(source, "/data")]
    let result = try await box.shell(
      "touch /x 2>/dev/null || echo refused; touch /data/y /dev/shm/z && echo kept; pwd")
    #expect(result.lines == ["refused", "kept", "/made/for/it"], "\(result)")
  }

  @Test("an empty volume gets the folder's owner and mode; nocopy gets nothing")
  func fill() async throws {
    let box = try Box()
    for folder in ["empty", "full"] {
      _ = mkdir(box.layer.appending(folder).string, 0o755)
      chown(box.layer.appending(folder).string, 1000, 1001)
      chmod(box.layer.appending(folder).string, 0o1770)
    }
    try box.write("x", "full/file")
    func volume(_ name: String, _ target: String, fill: Bool) throws -> MountStep {
      let data = try box.hostFolder(name).appending("data")
      mkdir(data.string, 0o755)
      return .volume(
        name: name, source: Bytes(data.string), target: Bytes(target), readOnly: false,
        fillFromImage: fill)
    }
    box.blueprint.mounts = [
      try volume("a", "/empty", fill: true), try volume("b", "/full", fill: false),
    ]
    let result = try await box.shell("stat -c '%u %g %a' /empty /full; ls /full")
    #expect(result.lines == ["1000 1001 1770", "0 0 755"], "\(result)")
  }

  @Test("what a container writes stays for its next start and never reaches the image")
  func upper() async throws {
    let box = try Box()
    #expect(try await box.shell("echo kept > /etc/note; rm /etc/group").exitCode == 0)
    #expect(try await box.shell("cat /etc/note; ls /etc").lines.first == "kept")
    #expect(names(box.layer.appending("etc")) == ["group", "passwd"])
  }

  @Test("many layers are stacked in order, and the root looks as the top one says")
  func layers() async throws {
    let box = try Box()
    var layers = box.blueprint.root.layers
    for number in 1...150 {
      let layer = try box.hostFolder("layer,with:odd\\name \(number)")
      let file = open(layer.appending("number").string, O_CREAT | O_WRONLY, 0o644)
      Glibc.write(file, "\(number)\n", "\(number)\n".utf8.count)
      close(file)
      chmod(layer.string, 0o711)
      layers.append(Bytes(layer.string))
    }
    box.blueprint.root.layers = layers
    let result = try await box.shell("cat /number; stat -c %a /")
    #expect(result.lines == ["150", "711"], "\(result)")
  }

  @Test(
    "devices asked for are made and may be used as allowed, others not",
    .enabled(if: access("/dev/fuse", F_OK) == 0))
  func devices() async throws {
    let box = try Box()
    box.blueprint.security.devices = [
      DeviceBlueprint(source: "/dev/fuse", target: "/dev/sub/device", permissions: "r")
    ]
    let result = try await box.shell(
      "(exec 3</dev/sub/device) && echo read; (exec 3>/dev/sub/device) 2>&1 || echo no write")
    #expect(result.lines.first == "read", "\(result)")
    #expect(result.lines.last == "no write", "\(result)")
  }
}
