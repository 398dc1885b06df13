// What is told of a Dockerfile before anything of it runs.

import Diagnostics
import Dockerfile
import Testing

@testable import Engine

@Suite("Words that mean nothing in any build are told before it begins")
struct WordChecksTests {
  /// `LINE:COLUMN summary` of each fault.
  private func faults(_ text: String, contexts: Set<String> = []) -> [String] {
    do {
      _ = try parseDockerfile(Array(text.utf8), name: "Dockerfile") { file in
        WordChecks.faults(of: file, contexts: contexts)
      }
      return []
    } catch let faults as Faults {
      return faults.diagnostics.map {
        "\($0.span?.line ?? 0):\($0.span?.column ?? 0) \($0.summary)"
      }
    } catch {
      return ["\(error)"]
    }
  }

  @Test(
    "of each kind",
    arguments: [
      ("STOPSIGNAL SIGFOO", "2:12 `SIGFOO` is no signal"),
      ("EXPOSE 80 x 81", "2:11 `x` is not a port"),
      ("COPY --chmod=9z a /a", "2:14 not a mode: its digits are not octal"),
      (
        "COPY --from=ten:xx/y a /a",
        "2:13 invalid image reference `ten:xx/y`: `ten:xx` is not a registry host"
      ),
      (
        "RUN --mount=type=bind,from=A@b,target=/x ls",
        "2:28 invalid image reference `A@b`: "
          + "`b` is not `sha256:` and 64 lower-case hexadecimal digits"
      ),
      ("RUN --mount=type=tmpfs,target=/a/.. ls", "2:31 a mount cannot have the root as its target"),
      ("ADD --checksum=md5:abc https://x/y /", "2:16 `md5:abc` is no checksum of a file"),
      ("ADD --checksum=x a /", "2:16 `--checksum` needs one source, and one that is fetched"),
      ("COPY a \"\"", "2:8 the destination is empty"),
      ("COPY --from=7 a /a", "2:13 `--from=7` names no stage before this one"),
    ])
  func kinds(_ instruction: String, _ fault: String) {
    #expect(faults("FROM base\n" + instruction) == [fault])
    // Also where the stage is not the last one.
    #expect(faults("FROM base\n\(instruction)\nFROM base") == [fault])
  }

  @Test(
    "not of what may be right",
    arguments: [
      "STOPSIGNAL $S", "EXPOSE $P 80-81/udp", "COPY --chmod=$M a /a", "COPY --chmod=u+x a /a",
      "COPY --from=first a /a", "COPY --from=0 a /a", "COPY --from=OURS a /a",
      "RUN --mount=type=cache ls", "RUN --mount=type=cache,target=. ls",
      "WORKDIR /w\nRUN --mount=type=cache ls", "WORKDIR /w\nRUN --mount=type=cache,target=. ls",
      "RUN --mount=type=$T ls", "RUN --mount=type=secret,id=s ls", "RUN --mount=type=ssh ls",
      "ADD --checksum=$C https://x/y /",
      "ADD --checksum=0123456 https://x/y.git /",
    ])
  func others(_ instruction: String) {
    #expect(faults("FROM base AS first\nFROM base\n" + instruction, contexts: ["OURS"]) == [])
  }

  @Test("with those of the parser, in the order of the file")
  func together() {
    let text = """
      FROM x@sha256:abc
      STOPSIGNAL SIGFOO
      RUNN x
      EXPOSE a
      """
    #expect(
      faults(text) == [
        "1:6 invalid image reference `x@sha256:abc`: "
          + "`sha256:abc` is not `sha256:` and 64 lower-case hexadecimal digits",
        "2:12 `SIGFOO` is no signal", "3:1 unknown instruction: RUNN", "4:8 `a` is not a port",
      ])
  }

  @Test(
    "a mount without a target is where the stage is, which must not be the root",
    arguments: [
      ("", ["2:13 a mount of type cache needs a `target`"]),
      (",target=.", ["2:31 a mount cannot have the root as its target"]), (",target=a", []),
    ])
  func folders(_ field: String, _ faults: [String]) {
    let mount = "RUN --mount=type=cache\(field) ls"
    #expect(self.faults("FROM scratch\n" + mount) == faults)
    #expect(
      self.faults("FROM scratch AS a\n\nFROM A\n" + mount).map { $0.dropFirst() }
        == faults.map { $0.dropFirst() })
    #expect(self.faults("FROM scratch AS a\nWORKDIR /w\nFROM a AS b\nFROM B\n" + mount) == [])
    #expect(self.faults("FROM base\n" + mount) == [])
  }
}
