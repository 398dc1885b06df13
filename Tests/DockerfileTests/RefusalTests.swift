// What a Dockerfile cannot say, and how it is told: place, summary, hint.

import Diagnostics
import Testing

@testable import Dockerfile

@Suite("What cannot be read is told with its place")
struct RefusalTests {
  @Test(
    "the file",
    arguments: [
      Row("nothing", "", "1:1+1 file with no instructions"),
      Row("comments alone", "# a\n\n# b\n", "1:1+1 file with no instructions"),
      Row(
        "no stage", "ARG a\n",
        "1:1+1 the Dockerfile contains no stages to build (write a `FROM` first)"),
      Row(
        "an instruction before it", "RUN a\nCMD b\n",
        "1:1+3 no build stage in current context: `RUN` stands before the first `FROM` "
          + "(only `ARG` can stand before `FROM`)"),
      Row(
        "an unknown name", "FROM a\nRUNN b", "2:1+4 unknown instruction: RUNN (did you mean `RUN`?)"
      ),
      Row(
        "case does not matter", "from a\nrnu b",
        "2:1+3 unknown instruction: rnu (did you mean `RUN`?)"),
      Row(
        "a line that was to go on", "FROM a\nRUN b &&\n  apt-get c\nUSER",
        "3:3+7 unknown instruction: apt-get "
          + "(where it belongs to the instruction above, the line before must end in `\\`)\n"
          + "4:1+4 `USER` requires exactly one argument"),
      Row(
        "a no-break space", "FROM a\nRUN\u{A0}b",
        "2:1+5 unknown instruction: RUN\u{A0}b "
          + "(there is a sign in it that is not a letter of ASCII, such as a no-break space)"),
    ])
  func file(_ row: Row) { #expect(faults(row.text) == row.expected) }
}
