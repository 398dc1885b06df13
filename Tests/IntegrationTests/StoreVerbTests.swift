// The verbs of the image store, which need no compose file.

import JSON
import TestSupport
import Testing

@Suite(
  "tag, rmi, images --all, history, inspect, prune and du work on the store", .enabled(if: isRoot))
struct StoreVerbTests {
  private static let web = """
    services: {web: {image: "${IMAGE}", command: sleep 1000, stop_grace_period: 0s, volumes: ["data:/data"]}}
    volumes: {data: }
    """

  @Test("names are given and taken; the image goes with the last")
  func names() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull")
      try await berth.succeeds("tag", name, "my/box:1")
      try await berth.succeeds("tag", "my/box:1", "shop")
      let table = try await berth.succeeds("images", "--all").lines
      #expect(
        table[0].split(separator: " ")
          == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"])
      #expect(
        Set(table.dropFirst().map { words($0).prefix(2).joined(separator: ":") })
          == [name, "my/box:1", "shop:latest"])
      let offered = try await berth.succeeds("__complete", "rmi", "").lines.map {
        $0.split(separator: "\t").first.map(String.init)
      }
      #expect(offered.contains("my/box:1") && offered.contains(name))
      let noFile = try await berth.succeeds("-f", "nosuch.yaml", "images", "-a")
      #expect(noFile.lines == table, "no compose file is looked at")
      let id = words(table[1])[2]
      #expect(try await berth.succeeds("images", "-aq").output == id + "\n")
      #expect(try await berth.succeeds("images", "-a", "my/box").lines.count == 2)
      #expect(
        try await berth.succeeds("images", "-a", "--filter", "reference=my/*").lines.count == 2)
      #expect(
        try await berth.succeeds("images", "-a", "--filter", "dangling=true").lines.count == 1)
      let digests = try await berth.succeeds("images", "-a", "--digests", name).lines
      #expect(digests.contains { $0.contains(" sha256:") }, "\(digests)")
      let several = try await berth("rmi", id)
      #expect(several.exitCode == 1)
      #expect(several.errorOutput.contains("must be forced"))
      #expect(try await berth.succeeds("rmi", "my/box:1").output == "Untagged: my/box:1\n")
      let missing = try await berth("rmi", "my/box:1", "shp", "shop")
      #expect(missing.exitCode == 1)
      #expect(missing.output == "Untagged: shop:latest\n", "the others are removed")
      #expect(missing.errorOutput.contains("no such image: `my/box:1`"))
      #expect(missing.errorOutput.contains("did you mean `shop:latest`?"))
      let last = try await berth.succeeds("rmi", id).lines
      #expect(last.map { words($0)[0] } == ["Untagged:", "Untagged:", "Deleted:", "Deleted:"])
      #expect(last[2] == "Deleted: " + (try await imageID(berth, id, among: last)))
      #expect(try await berth.tool("ls", berth.state + "/images/blobs/sha256").output.isEmpty)
      #expect(try await berth.tool("ls", berth.state + "/images/layers").output.isEmpty)
    }
  }

  /// The id as it stands among the lines, which must begin with what the table showed.
  private func imageID(_ berth: Berth, _ short: String, among lines: [String]) async throws
    -> String
  {
    try #require(lines.compactMap { words($0).last }.first { $0.hasPrefix("sha256:" + short) })
  }

  @Test("an image in use: the conflict names the container, -f untags, the container runs on")
  func inUse() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("up", "-d")
      let conflict = try await berth("rmi", name)
      #expect(conflict.exitCode == 1)
      #expect(conflict.errorOutput.contains("container `shop-web-1` is using its image"))
      let forced = try await berth.succeeds("rmi", "-f", name).lines
      #expect(forced.map { words($0)[0] } == ["Untagged:", "Untagged:"])
      let row = try #require(try await berth.succeeds("images", "-a").lines.last)
      #expect(words(row).prefix(2) == ["<none>", "<none>"])
      let running = try await berth("rmi", "-f", words(row)[2])
      #expect(running.errorOutput.contains("cannot be forced"))
      #expect(try await berth.succeeds("prune", "-a", "-f").output == "Total reclaimed space: 0B\n")
      try await berth.succeeds("exec", "-T", "web", "ls", "/bin/busybox")
      try await berth.succeeds("down", "-t", "0")
      let pruned = try await berth.succeeds("prune", "-f").output
      #expect(pruned.hasPrefix("Deleted Images:\ndeleted: sha256:"))
      #expect(try await berth.succeeds("images", "-a").lines.count == 1)
    }
  }

  @Test("prune asks, and refuses where nobody can answer")
  func asks() async throws {
    try await scenario(Self.web) { berth in
      let prune = try await berth("prune")
      #expect(prune.exitCode == 1)
      #expect(prune.errorOutput.contains("use -f"))
    }
  }

  @Test("prune -a leaves newer images and labelled ones alone where that is asked for")
  func pruneFilters() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("pull")
      for filter in ["until=2020-01-01T00:00:00Z", "label=team"] {
        let output = try await berth.succeeds("prune", "-af", "--filter", filter).output
        #expect(output == "Total reclaimed space: 0B\n", "\(filter)")
      }
      let unknown = try await berth("prune", "-af", "--filter", "reference=x")
      #expect(unknown.errorOutput.contains("unknown filter"))
      let output = try await berth.succeeds(
        "prune", "-af", "--filter", "until=24h", "--filter", "label!=team"
      ).output
      #expect(output.hasPrefix("Deleted Images:\nuntagged: "))
    }
  }

  @Test("history and inspect tell the reference's keys")
  func details() async throws {
    try await scenario(Self.web) { berth in
      let name = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull")
      let history = try await berth.succeeds("history", name).lines
      #expect(
        history[0].split(separator: " ")
          == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"])
      #expect(history.count == 2)
      let json = try JSONValue(
        parsing: Array(try await berth.succeeds("history", "--format", "json", name).lines[0].utf8))
      #expect((json["SizeBytes"]?.number?.integer(Int.self) ?? 0) > 1_000_000)
      let inspect = try await berth("inspect", name, "nosuch")
      #expect(inspect.exitCode == 1)
      #expect(inspect.errorOutput.contains("no such image: `nosuch`"))
      let images = try #require(try JSONValue(parsing: inspect.outputBytes).array)
      try #require(images.count == 1)
      let image = images[0]
      #expect(image["RepoTags"] == [.string(name)])
      #expect(image["Config"]?["Cmd"] == ["sh"])
      #expect(image["Os"] == "linux")
      #expect(image["RootFS"]?["Layers"]?.array?.count == 1)
      #expect(image["Id"]?.string?.hasPrefix("sha256:" + words(history[1])[0]) == true)
      for key in ["RepoDigests", "Created", "Author", "Architecture", "Size", "Metadata"] {
        #expect(image[key] != nil, "\(key)")
      }
    }
  }

  @Test("du adds up to what du(1) says of the state folder, to the byte")
  func usage() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.succeeds(
        "exec", "-T", "web", "sh", "-c",
        "dd if=/dev/zero of=/data/a bs=1000 count=77; ln /data/a /data/b; dd if=/dev/zero of=/x bs=1 count=9"
      )
      let lines = try await berth.succeeds("du", "--format", "json").lines
      let kinds = try lines.map { try JSONValue(parsing: Array($0.utf8)) }
      #expect(
        kinds.map { $0["Type"] } == [
          "Images", "Containers", "Local Volumes", "Build Cache", "Bookkeeping",
        ])
      #expect(kinds.prefix(3).allSatisfy { $0["TotalCount"] == "1" && $0["Active"] == "1" })
      let sizes = kinds.compactMap { $0["SizeBytes"]?.number?.integer(Int.self) }
      let whole = try await berth.tool("du", "-s", "--block-size=1", berth.state)
      #expect("\(sizes.reduce(0, +))" == words(whole.output.replacing("\t", with: " "))[0])
      #expect(sizes[2] > 77_000 && sizes[2] < 154_000, "a file with two names counts once")
      #expect(kinds[0]["ReclaimableBytes"] == 0)
      let verbose = try await berth.succeeds("du", "-v").output
      #expect(verbose.contains("shop-web-1") && verbose.contains("shop_data"))
      try await berth.succeeds("down", "-t", "0")
      let after = try await berth.succeeds("du").lines
      #expect(
        after[1].contains("(9") && words(after[3]).prefix(4) == ["Local", "Volumes", "1", "0"],
        "\(after)")
    }
  }

  private func words(_ line: String) -> [String] {
    line.split(whereSeparator: \.isWhitespace).map(String.init)
  }
}
