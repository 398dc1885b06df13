// Lines, comments, directives, stages (reference E22 to E27).

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
    #expect(file.stages.map(\.base.text) == ["golang:${VERSION}", "build", "scratch"])
    #expect(
      file.stages[0].instructions.map(\.text) == [
        "WORKDIR /src", "COPY . .", "RUN go build   -o /out &&   true",
      ])
    #expect(file.stages[0].instructions[2].lines == 6...10)
    #expect(file.emptyContinuations == [9])
    #expect(file.globalArguments.map(\.name) == ["VERSION"])
    #expect(file.stages[1].fromKeyword == "from")
  }
}
