// Lines, comments, directives, stages, triggers (reference E22 to E27, E43).

import Diagnostics
import Testing

@testable import Dockerfile

@Suite("Lines become instructions")
struct StructureTests {
  @Test("a file of several stages")
  func stages() throws {
    let file = try parse(
      """
      # syntax=docker/dockerfile:1
      ARG VERSION=1
      FROM --platform=$BUILDPLATFORM golang:${VERSION} AS Build
      WORKDIR /src
      COPY . .
      RUN go build \\
        # a comment
        -o /out && \\

        true
      from build as test
      FROM scratch
      COPY --from=build /out /
      CMD ["/out"]
      """)
    #expect(file.stages.map(\.name) == ["build", "test", nil])
    #expect(file.stages.map(\.index) == [0, 1, 2])
    #expect(file.stages.map(\.base.text) == ["golang:${VERSION}", "build", "scratch"])
    #expect(file.stages[0].platform?.text == "$BUILDPLATFORM")
    #expect(file.stages[0].typedName?.text == "Build" && file.stages[0].asKeyword?.text == "AS")
    #expect(
      file.stages[0].instructions.map(\.text) == [
        "WORKDIR /src", "COPY . .", "RUN go build   -o /out &&   true",
      ])
    #expect(file.stages[0].instructions[2].lines == 6...10)
    #expect(file.emptyContinuations == [9])
    #expect(file.globalArguments.map(\.name) == ["VERSION"])
    #expect(file.stages[1].fromKeyword == "from")
    #expect(file.directives.syntax?.text == "docker/dockerfile:1")
  }

  @Test(
    "lines",
    arguments: [
      Row("a byte order mark", "\u{FEFF}FROM a\nUSER b", "USER b"),
      Row("other line ends", "FROM a\r\nRUN b \\\r\n  c\r\nUSER d\r\n", "RUN b   c|USER d"),
      Row("blanks before the name", "FROM a\n  \tUSER b", "USER b"),
      Row("an indented comment", "FROM a\n  # c\nUSER b", "USER b"),
      Row("blanks behind the escape", "FROM a\nRUN b \\ \t\n c", "RUN b  c"),
      Row("two escapes end the line", "FROM a\nRUN b \\\\\nUSER c", #"RUN b \\|USER c"#),
      Row("the last line goes on", "FROM a\nUSER b \\", "USER b"),
      Row("a line that only goes on", "FROM a\n\\\nUSER b", "USER b"),
      Row("nothing but escapes", "FROM a\nUSER b\n\\\n", "USER b"),
      Row("a sign of comments is no comment later", "FROM a\nUSER b#c", "USER b#c"),
      Row("a vertical tab is a blank", "FROM a\nUSER\u{B}b", "USER b"),
      Row("a foreign byte in a comment", "FROM a\n# caf\u{E9}\nUSER b", "USER b"),
    ])
  func lines(_ row: Row) throws {
    let stage = try #require(try parse(row.text).stages.first)
    #expect(stage.instructions.map(\.text).joined(separator: "|") == row.expected)
  }

  @Test(
    "directives",
    arguments: [
      Row("none", "FROM a", "- \\"),
      Row("a syntax", "# syntax=docker/dockerfile:1\nFROM a", "docker/dockerfile:1 \\"),
      Row(
        "blanks and case", "#  SynTax =  docker/dockerfile:1.7  \nFROM a",
        "docker/dockerfile:1.7 \\"),
      Row(
        "with its registry", "#syntax=docker.io/docker/dockerfile:1-labs\nFROM a",
        "docker.io/docker/dockerfile:1-labs \\"),
      Row("the labs", "#syntax=docker/dockerfile:labs\nFROM a", "docker/dockerfile:labs \\"),
      Row("without a tag", "#syntax=docker/dockerfile\nFROM a", "docker/dockerfile \\"),
      Row(
        "with a digest", "#syntax=docker/dockerfile:1@sha256:ab\nFROM a",
        "docker/dockerfile:1@sha256:ab \\"),
      Row(
        "upstream", "#syntax=docker/dockerfile-upstream:master\nFROM a",
        "docker/dockerfile-upstream:master \\"),
      Row(
        "behind an interpreter", "#!/usr/bin/env x\n#syntax=docker/dockerfile:1\nFROM a",
        "docker/dockerfile:1 \\"),
      Row("an escape", "# escape=`\nFROM a", "- `"),
      Row("both", "#escape=`\n#syntax=docker/dockerfile:1\nFROM a", "docker/dockerfile:1 `"),
      Row("behind a comment it is one", "# a\n# syntax=x\nFROM a", "- \\"),
      Row("behind a blank line it is one", "\n# syntax=x\nFROM a", "- \\"),
      Row("behind an instruction it is one", "FROM a\n# syntax=x", "- \\"),
      Row("behind an unknown one it is one", "# foo=1\n# syntax=x\nFROM a", "- \\"),
      Row("checks", "# check=skip=A, B;error=true\nFROM a", "- \\ skip A,B error"),
      Row("all checks", "# check=skip=all\nFROM a", "- \\ skip all"),
    ])
  func directives(_ row: Row) throws {
    let found = try parse(row.text).directives
    var shown = "\(found.syntax?.text ?? "-") \(Character(Unicode.Scalar(found.escape)))"
    if !found.skippedChecks.isEmpty {
      shown += " skip " + found.skippedChecks.joined(separator: ",")
    }
    if found.failsOnWarnings { shown += " error" }
    #expect(shown == row.expected)
  }

  @Test("the other escape sign joins lines")
  func escape() throws {
    let run = try instruction("COPY C:\\a `\n  D:\\", escape: "# escape=`\n")
    #expect(described(run.kind) == #"C:\a -> D:\"#)
  }

  @Test(
    "triggers of images",
    arguments: [
      Row("a run", "RUN make", "RUN make"), Row("lower case", "run make", "RUN make"),
      Row("a copy from a stage", "COPY --from=x a b", "COPY --from=x a b"),
      Row("a document", "RUN <<EOF\na\nEOF", "RUN <<EOF (a)"),
      Row("an argument", "ARG A=1", "ARG A=1"),
    ])
  func triggers(_ row: Row) throws {
    #expect(try parseTrigger(row.text, image: "base").text == row.expected)
  }

  @Test(
    "triggers that are refused",
    arguments: [
      Row("nothing", "", "an `ONBUILD` trigger of `base` is empty"),
      Row(
        "a trigger", "ONBUILD RUN a", "1:1+7 chaining `ONBUILD` via `ONBUILD ONBUILD` isn't allowed"
      ),
      Row("a base", "FROM a", "1:1+4 `FROM` isn't allowed as an `ONBUILD` trigger"),
      Row("an author", "MAINTAINER a", "1:1+10 `MAINTAINER` isn't allowed as an `ONBUILD` trigger"),
      Row("two", "RUN a\nRUN b", "2:1+1 an `ONBUILD` trigger is a single instruction"),
      Row("unknown", "RNU a", "1:1+3 unknown instruction: RNU (did you mean `RUN`?)"),
    ])
  func refusedTriggers(_ row: Row) {
    let fault = #expect(throws: Faults.self) { try parseTrigger(row.text, image: "base") }
    #expect(fault.map(shown) == row.expected)
  }
}
