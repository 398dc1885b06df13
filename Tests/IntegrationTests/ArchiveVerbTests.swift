// Images to files and back, with skopeo as the other side, and root file systems made into images.

import Glibc
import JSON
import TestSupport
import Testing

@Suite("save, load and import", .enabled(if: isRoot))
struct ArchiveVerbTests {
  private static let web = """
    services: {web: {image: "${IMAGE}", command: sleep 1000, stop_grace_period: 0s}}
    """

  /// One line for each file of every layer, with owner, mode, time and content in it.
  private func layers(_ berth: Berth) async throws -> String {
    let script = """
      cd "$1/images/layers" && for layer in *; do
        tar -C "$layer/fs" --sort=name --numeric-owner --xattrs \
          --pax-option=delete=atime,delete=ctime -cf - . | sha256sum
      done
      """
    let sums = try await berth.tool("sh", "-c", script, "sh", berth.state).output
    try #require(sums.contains("-"))
    return sums
  }

  private func skopeo(_ berth: Berth, _ arguments: String...) async throws {
    let line = (["skopeo", "--insecure-policy"] + arguments).joined(separator: " ")
    let result = try await berth.tool("sh", "-c", line, within: .seconds(60))
    try #require(result.exitCode == 0, "\(result)")
  }

  @Test("what berth saves is read by skopeo both ways, and comes back the same")
  func saves() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull")
      let pulled = try await layers(berth)
      try await berth.succeeds("tag", name, "shop:1")
      try await berth.succeeds("save", "-o", "a.tar", name, "shop:1")
      let piped = try await berth.succeeds("save", name, "shop:1")
      #expect(Array(try #require(berth.text(of: "shop/a.tar")).utf8).count > 1000)
      try await berth.tool("sh", "-c", "mkdir x && tar -C x -xf a.tar")
      #expect(
        try await berth.tool("ls", "x").lines
          == ["blobs", "index.json", "manifest.json", "oci-layout"])
      #expect(piped.outputBytes.count > 1_000_000)
      try await skopeo(berth, "copy", "docker-archive:a.tar:shop:1", "dir:from-docker")
      try await berth.succeeds("save", "-o", "one.tar", name)
      try await skopeo(berth, "copy", "oci-archive:one.tar", "dir:from-oci")
      let inspected = try await berth.tool(
        "skopeo", "--insecure-policy", "inspect", "oci-archive:one.tar")
      let digest = try JSONValue(parsing: inspected.outputBytes)["Digest"]?.string
      let before = try await berth.succeeds("inspect", name).output
      #expect(before.contains(try #require(digest)), "the manifest is the one that was pulled")
      try await berth.succeeds("prune", "-af")
      let loaded = try await berth.succeeds("load", "-i", "a.tar")
      #expect(loaded.output == "Loaded image: \(name)\nLoaded image: shop:1\n")
      #expect(try await layers(berth) == pulled)
      let again = try await berth.succeeds("load", "-q", input: piped.outputBytes)
      #expect(again.output == loaded.output)
      #expect(again.errorOutput.isEmpty)
      try await berth.succeeds("up", "-d")
    }
  }

  @Test("what skopeo writes is loaded file by file as berth pulls it")
  func loads() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull")
      let pulled = try await layers(berth)
      try await berth.succeeds("rmi", name)
      for target in [
        "docker-archive:d.tar:shop/web:1", "oci-archive:o.tar:shop/web:1", "oci:folder",
      ] {
        try await skopeo(berth, "copy", "--src-tls-verify=false", "docker://\(name)", target)
      }
      try await berth.tool("sh", "-c", "gzip -k d.tar; cp -r folder open; cp /dev/null open/x")
      for file in ["d.tar", "d.tar.gz", "o.tar", "open"] {
        let loaded = try await berth.succeeds("load", "-i", file).output
        if file == "open" {
          #expect(loaded.hasPrefix("Loaded image ID: sha256:"))
        } else {
          #expect(loaded == "Loaded image: shop/web:1\n")
        }
        #expect(try await layers(berth) == pulled, "\(file)")
        try await berth.succeeds("prune", "-af")
        #expect(try await berth.tool("ls", berth.state + "/images/layers").output.isEmpty)
      }
    }
  }

  @Test("an archive is not written to a terminal, and half a file is never there")
  func refuses() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull")
      let terminal = try await berth.tool(
        "script", "-qec", "\(Berth.program) save \(name)", "/dev/null")
      #expect(terminal.output.contains("not written to a terminal"))
      let unwritable = try await berth("save", "-o", "no/such/folder.tar", name)
      #expect(unwritable.exitCode == 1)
      #expect(unwritable.errorOutput.contains("cannot write `no/such/folder.tar`"))
      let unknown = try await berth("save", "-o", "b.tar", name, "nosuch")
      #expect(unknown.exitCode == 1)
      #expect(try await berth.tool("ls").lines == ["compose.yaml"])
      try berth.write("not a tar", to: "c.tar")
      let garbage = try await berth("load", "-i", "c.tar")
      #expect(garbage.exitCode == 1)
      #expect(garbage.errorOutput.contains("tar"))
    }
  }

  @Test("a root file system becomes an image that runs as the changes say")
  func imports() async throws {
    try await scenario("services: {web: {image: \"mini:1\"}}") { berth in
      let script = """
        mkdir -p root/bin root/srv && cp "$(command -v busybox)" root/bin/busybox
        tar -C root -cf root.tar . && gzip -k root.tar && zstd -q root.tar
        """
      try await berth.tool("sh", "-c", script)
      var ids: Set<String> = []
      for file in ["root.tar", "root.tar.gz", "root.tar.zst"] {
        let id = try await berth.succeeds(
          "import", "-m", "by hand", "-c", #"CMD ["/bin/busybox", "sh", "-c", "echo $A $B; pwd"]"#,
          "-c", "ENV A=1 B=\"two words\"", "--change", "WORKDIR /srv", "-c", "EXPOSE 80 53/udp",
          "-c", "LABEL team=red", file, "mini:1"
        ).output
        #expect(id.hasPrefix("sha256:") && id.utf8.count == 72)
        ids.insert(id)
        #expect(
          try await berth.succeeds("run", "--rm", "-T", "web").output == "1 two words\n/srv\n")
      }
      #expect(ids.count == 3)
      #expect(try await berth.succeeds("history", "mini:1").output.contains("by hand"))
      #expect(
        try await berth.succeeds("images", "-a", "--filter", "dangling=true").lines.count == 3)
      let image = try JSONValue(
        parsing: Array(try await berth.succeeds("inspect", "mini:1").output.utf8))
      let config = image.array?.first?["Config"]
      #expect(config?["ExposedPorts"] == ["80/tcp": [:], "53/udp": [:]])
      #expect(config?["Labels"] == ["team": "red"])
      for (arguments, said) in [
        (["import", "http://host/x.tar", "x"], "is a URL"),
        (["import", "-c", "CDM x", "root.tar"], "did you mean `CMD`?"),
        (["import", "-c", "EXPOSE x", "root.tar"], "is not a port"),
        (["import", "compose.yaml"], "tar"),
        (["import", "nosuch.tar"], "cannot read `nosuch.tar`"),
      ] {
        let result = try await berth.start(arguments).wait()
        #expect(result.exitCode == 1)
        #expect(result.errorOutput.contains(said), "\(result)")
      }
    }
  }
}
