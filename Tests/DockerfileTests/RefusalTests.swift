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
      Row("a NUL", "FROM a\nRUN b\0c", "2:6+1 it is no text: line 2 holds a NUL"),
      Row(
        "no text at all", "\u{7F}ELF\nx\0\ny\0z\n\n\0", "2:2+1 it is no text: line 2 holds a NUL"),
      Row(
        "a NUL in a here-document", "FROM a\nRUN <<E\nx\0\nE\nUSR b",
        "3:2+1 it is no text: line 3 holds a NUL"),
    ])
  func file(_ row: Row) { #expect(faults(row.text) == row.expected) }

  @Test("bytes that are not UTF-8")
  func foreign() {
    #expect(
      faults(Array("FROM a\nRUN é".utf8) + [0xE9, 0x20])
        == "2:6+1 the line holds a byte that is not UTF-8")
    #expect(
      faults(Array("FROM a\nRUN <<E\n".utf8) + [0x61, 0xFF, 0x0A] + Array("E\nUSR b".utf8))
        == "3:2+1 the here-document holds a byte that is not UTF-8\n"
        + "5:1+3 unknown instruction: USR (did you mean `USER`?)")
    #expect(faults(Array("# ".utf8) + [0xE9, 0x0A] + Array("FROM a".utf8)) == nil)
    let wide: [UInt8] = [0xFF, 0xFE] + Array("FROM a\nRUN b\n".utf8).flatMap { [$0, UInt8(0)] }
    #expect(
      faults(wide)
        == "1:4+1 it is no text: line 1 holds a NUL (it is UTF-16: save it as UTF-8)")
  }

  @Test(
    "directives",
    arguments: [
      Row(
        "another frontend", "# syntax=example/front:1\nFROM a",
        "1:10+15 the frontend `example/front:1` of `# syntax=` cannot be used: "
          + "berth reads Dockerfiles itself "
          + "(leave the line out, or write `# syntax=docker/dockerfile:1`)"),
      Row(
        "another version", "# syntax=docker/dockerfile:2\nFROM a",
        "1:10+19 the frontend `docker/dockerfile:2` of `# syntax=` cannot be used: "
          + "berth reads Dockerfiles itself "
          + "(leave the line out, or write `# syntax=docker/dockerfile:1`)"),
      Row(
        "twice", "# escape=`\n# escape=`\nFROM a",
        "2:3+6 only one `escape` parser directive can be used"),
      Row(
        "another escape", "# escape=x\nFROM a",
        "1:10+1 invalid escape token `x`: it is neither `\\` nor a backquote"),
      Row(
        "a check", "# check=foo=1\nFROM a",
        "1:9+5 invalid check option `foo=1` (write `skip=NAME,NAME` or `error=true`)"),
      Row(
        "half a check", "# check=all\nFROM a",
        "1:9+3 invalid check option `all` (write `skip=NAME,NAME` or `error=true`)"),
      Row(
        "no truth", "# check=error=maybe\nFROM a",
        "1:9+11 `maybe` of check option `error` is neither true nor false"),
    ])
  func directives(_ row: Row) { #expect(faults(row.text) == row.expected) }

  @Test(
    "stages",
    arguments: [
      Row(
        "no base", "FROM",
        "1:1+4 `FROM` requires either one or three arguments (write `FROM IMAGE` or `FROM IMAGE AS NAME`)"
      ),
      Row(
        "two words", "FROM a b",
        "1:6+3 `FROM` requires either one or three arguments (write `FROM IMAGE` or `FROM IMAGE AS NAME`)"
      ),
      Row(
        "another word", "FROM a of b",
        "1:6+6 `FROM` requires either one or three arguments (write `FROM IMAGE` or `FROM IMAGE AS NAME`)"
      ),
      Row(
        "a number", "FROM a AS 1b",
        "1:11+2 invalid name for build stage: `1b`, name can't start with a number or contain symbols (it is made of letters, digits, `-`, `_` and `.`)"
      ),
      Row(
        "symbols", "FROM a AS b/c",
        "1:11+3 invalid name for build stage: `b/c`, name can't start with a number or contain symbols (it is made of letters, digits, `-`, `_` and `.`)"
      ),
      Row(
        "an unknown flag", "FROM --plattform=x a",
        "1:6+13 unknown flag: `--plattform` (did you mean `--platform`?)"),
      Row(
        "a variable that is not closed", "FROM a:${V",
        "1:6+5 a `${` has no `}` (close it, or write `\\$` for the sign itself)"),
    ])
  func stages(_ row: Row) {
    #expect(faults(row.text) == row.expected)
  }

  @Test(
    "arguments",
    arguments: [
      Row("no pair", "ENV", "`ENV` requires at least one argument"),
      Row("no value", "ENV A", "`ENV` must have two arguments (write `ENV NAME=VALUE`)"),
      Row(
        "no equals", "ENV A=b c",
        "can't find = in `c`: it must be of the form name=value (put a value with blanks in quotes)"
      ),
      Row("no name", "LABEL =b", "`LABEL` names can not be blank"),
      Row(
        "a quote", "ENV A=it's",
        "a single quote is not closed (close it, or write `\\'` for the sign itself)"),
      Row(
        "a modifier", "LABEL a=${B^^}",
        "unsupported modifier (^) in substitution (`-`, `+`, `?`, `:-`, `:+`, `:?`, `#`, `##`, `%`, `%%`, `/` and `//` can be used)"
      ),
      Row("no argument", "ARG", "`ARG` requires at least one argument"),
      Row("an argument without name", "ARG =a", "`ARG` names can not be blank"),
      Row(
        "a quoted argument", "ARG \"A=b\"",
        "`\"A` is no name of an `ARG` (names hold no quotes and no variables; quote the value alone)"
      ),
      Row(
        "no command", "CMD",
        "`CMD` requires at least one argument (`CMD []` takes the command of the base away)"),
      Row(
        "no entrypoint", "ENTRYPOINT",
        "`ENTRYPOINT` requires at least one argument (`ENTRYPOINT []` takes the one of the base away)"
      ),
      Row("nothing to run", "RUN", "`RUN` requires at least one argument"),
      Row("an empty run", "RUN []", "`RUN` requires at least one argument"),
      Row(
        "numbers", "CMD [1]",
        "when using JSON array syntax, arrays must be comprised of strings only (put every part in double quotes)"
      ),
      Row(
        "a shell without JSON", "SHELL /bin/sh -c",
        "`SHELL` requires the arguments to be in JSON form (such as `SHELL [\"/bin/bash\", \"-c\"]`)"
      ),
      Row("an empty shell", "SHELL []", "`SHELL` requires at least one argument"),
      Row("no user", "USER", "`USER` requires exactly one argument"),
      Row("no folder", "WORKDIR", "`WORKDIR` requires exactly one argument"),
      Row("no signal", "STOPSIGNAL", "`STOPSIGNAL` requires exactly one argument"),
      Row("no author", "MAINTAINER", "`MAINTAINER` requires exactly one argument"),
      Row("no port", "EXPOSE", "`EXPOSE` requires at least one argument"),
      Row("no volume", "VOLUME", "`VOLUME` requires at least one argument"),
      Row("an empty list", "VOLUME []", "`VOLUME` requires at least one argument"),
      Row("an empty volume", "VOLUME [\"\"]", "`VOLUME` specified can not be an empty string"),
      Row("no trigger", "ONBUILD", "`ONBUILD` requires at least one argument"),
      Row(
        "a trigger's trigger", "ONBUILD ONBUILD RUN a",
        "chaining `ONBUILD` via `ONBUILD ONBUILD` isn't allowed"),
      Row("a trigger's base", "ONBUILD FROM a", "`FROM` isn't allowed as an `ONBUILD` trigger"),
      Row(
        "a trigger's fault", "ONBUILD COPY a",
        "`COPY` requires at least two arguments, but only one was provided: destination could not be determined (write `COPY SOURCE DESTINATION`)"
      ),
      Row("an unknown trigger", "ONBUILD RNU a", "unknown instruction: RNU (did you mean `RUN`?)"),
      Row(
        "no check", "HEALTHCHECK",
        "`HEALTHCHECK` requires at least one argument (write `HEALTHCHECK CMD …`)"),
      Row("no command of it", "HEALTHCHECK CMD", "missing command after `HEALTHCHECK CMD`"),
      Row("an empty one", "HEALTHCHECK CMD []", "missing command after `HEALTHCHECK CMD`"),
      Row("none and more", "HEALTHCHECK NONE a", "`HEALTHCHECK NONE` takes no arguments"),
      Row(
        "none with flags", "HEALTHCHECK --retries=1 NONE", "`HEALTHCHECK NONE` takes no arguments"),
      Row(
        "another type", "HEALTHCHECK curl a",
        "unknown type `curl` in `HEALTHCHECK` (try CMD) (write `HEALTHCHECK CMD curl a`)"),
      Row(
        "no duration", "HEALTHCHECK --interval=5 CMD a",
        "invalid duration `5` of `--interval` (write a number with a unit, such as `30s`, `1m30s` or `500ms`)"
      ),
      Row("too short", "HEALTHCHECK --timeout=1us CMD a", "`--timeout` cannot be less than 1ms"),
      Row(
        "too long", "HEALTHCHECK --timeout=9999999h CMD a",
        "invalid duration `9999999h` of `--timeout` (write a number with a unit, such as `30s`, `1m30s` or `500ms`)"
      ),
      Row("no number", "HEALTHCHECK --retries=x CMD a", "`x` of `--retries` is not a whole number"),
      Row("below zero", "HEALTHCHECK --retries=-1 CMD a", "`--retries` cannot be negative (-1)"),
    ])
  func arguments(_ row: Row) { #expect(unplaced("FROM a\n" + row.text) == row.expected) }

  @Test(
    "copies",
    arguments: [
      Row(
        "nothing", "COPY",
        "`COPY` requires at least two arguments (write `COPY SOURCE DESTINATION`)"),
      Row(
        "no destination", "ADD a",
        "`ADD` requires at least two arguments, but only one was provided: destination could not be determined (write `ADD SOURCE DESTINATION`)"
      ),
      Row(
        "a document at the end", "COPY a <<E\nE",
        "`COPY` cannot accept a here-document as a destination"),
      Row(
        "a document's name with a folder", "COPY <<a/b /d\na/b",
        "the name `a/b` of a here-document is no file name"),
      Row(
        "a document's name that leads up", "ADD <<.. /d\n..",
        "the name `..` of a here-document is no file name"),
      Row(
        "a script's name with a folder", "RUN <<../x\n#!/bin/sh\n../x",
        "the name `../x` of a here-document is no file name"),
      Row(
        "a variable in from", "COPY --from=$A b c",
        "variable expansion is not supported for `--from` (define a new stage with `FROM` using `ARG` from global scope, and name that stage)"
      ),
      Row(
        "a flag without value", "COPY --from a b c",
        "missing a value on flag: `--from` (write `--from=VALUE`)"),
      Row("a flag twice", "COPY --chown=a --chown=b c d", "duplicate flag specified: `--chown`"),
      Row("a truth twice", "COPY --link --link c d", "duplicate flag specified: `--link`"),
      Row(
        "no truth", "COPY --link=yes c d",
        "expecting boolean value for flag `--link`, not: `yes` (it is `--link`, `--link=true` or `--link=false`)"
      ),
      Row(
        "a misspelt flag", "COPY --chwon=a b c", "unknown flag: `--chwon` (did you mean `--chown`?)"
      ),
      Row("another's flag", "ADD --from=a b c", "unknown flag: `--from` (it is one of `COPY`)"),
      Row(
        "another's flag again", "COPY --checksum=a b c",
        "unknown flag: `--checksum` (it is one of `ADD`)"),
      Row("no flags at all", "USER --foo a", "unknown flag: `--foo` (`USER` takes no flags)"),
      Row(
        "a quote in a flag", "COPY --chown=\"a b c",
        "a quote is not closed"
      ),
    ])
  func copies(_ row: Row) { #expect(unplaced("FROM a\n" + row.text) == row.expected) }

  @Test(
    "runs",
    arguments: [
      Row(
        "devices", "RUN --device=a b",
        "flag `--device` of `RUN` is not supported: devices of builds cannot be had: berth has no CDI"
      ),
      Row(
        "a network", "RUN --network=hots b", "invalid network mode `hots` (did you mean `host`?)"),
      Row(
        "a mode", "RUN --security=privileged b",
        "security mode `privileged` is not valid (it is one of `sandbox`, `insecure`)"),
      Row(
        "a kind", "RUN --mount=type=cahce,target=/a b",
        "unsupported mount type `cahce` (did you mean `cache`?)"),
      Row(
        "a key", "RUN --mount=taget=/a b",
        "unexpected key `taget` in `taget=/a` (did you mean `target`?)"),
      Row(
        "a key without value", "RUN --mount=target b",
        "invalid field `target` must be a key=value pair"),
      Row(
        "a variable in from", "RUN --mount=from=$A,target=/a b",
        "variable expansion is not supported for `from` (define a new stage with `FROM` using `ARG` from global scope, and name that stage)"
      ),
      Row(
        "a mode of a bind", "RUN --mount=target=/a,mode=755 b",
        "`mode` not allowed for `bind` type mounts"),
      Row(
        "a user of memory", "RUN --mount=type=tmpfs,target=/a,uid=1 b",
        "`uid` not allowed for `tmpfs` type mounts"),
      Row("no mode", "RUN --mount=type=cache,target=/a,mode=9 b", "invalid value `9` for `mode`"),
      Row("no user", "RUN --mount=type=cache,target=/a,uid=-1 b", "invalid value `-1` for `uid`"),
      Row(
        "too large a user", "RUN --mount=type=cache,target=/a,gid=4294967296 b",
        "invalid value `4294967296` for `gid`"),
      Row(
        "a size of a cache", "RUN --mount=type=cache,target=/a,size=1m b",
        "unexpected key `size` for mount type `cache`"),
      Row(
        "no size", "RUN --mount=type=tmpfs,target=/a,size=1x b", "invalid value for `size`: `1x`"),
      Row(
        "too large a size", "RUN --mount=type=tmpfs,target=/a,size=99999999p b",
        "invalid value for `size`: `99999999p`"),
      Row(
        "a bind that is required", "RUN --mount=target=/a,required b",
        "unexpected key `required` for mount type `bind`"),
      Row("no truth", "RUN --mount=target=/a,rw=maybe b", "invalid value for `rw`: `maybe`"),
      Row(
        "sharing", "RUN --mount=type=cache,target=/a,sharing=shard b",
        "unsupported sharing value `shard` (did you mean `shared`?)"),
      Row(
        "sharing of a bind", "RUN --mount=target=/a,sharing=locked b",
        "invalid cache sharing set for `bind` mount"),
      Row(
        "a secret from a stage", "RUN --mount=type=secret,id=a,from=b c",
        "secret mount should not have a `from`"),
      Row(
        "a secret of nothing", "RUN --mount=type=secret b",
        "invalid secret mount: one of `id`, `source`, `target` is required"),
      Row(
        "a secret of two", "RUN --mount=type=secret,id=a,source=b c",
        "both `source` and `id` can't be set"),
      Row(
        "a variable of a cache", "RUN --mount=type=cache,target=/a,env=B c",
        "unexpected key `env` for mount type `cache`"),
      Row(
        "a quote in fields", "RUN --mount='\"target=/a' b",
        "the fields of `--mount` cannot be taken apart: a quote is not closed"),
      Row(
        "a document without end", "RUN <<EOF\na",
        "unterminated heredoc: no line below says `EOF` alone"),
      Row(
        "one that ends with blanks", "RUN <<EOF\na\n  EOF",
        "unterminated heredoc: no line below says `EOF` alone (line 4 ends it only without blanks around the name; with `<<-` tabs may stand before it)"
      ),
      Row(
        "one that ends with blanks and tabs", "RUN <<-EOF\na\n\t EOF ",
        "unterminated heredoc: no line below says `EOF` alone (line 4 ends it only without blanks around the name, tabs before it apart)"
      ),
      Row(
        "one that is redirected at once", "RUN cat <<EOF>a\nb\nEOF",
        "unterminated heredoc: no line below says `EOF>a` alone (put a blank between the name and what follows it)"
      ),
    ])
  func runs(_ row: Row) { #expect(unplaced("FROM a\n" + row.text) == row.expected) }

  @Test("all faults come at once, with their lines")
  func together() throws {
    let text = "FROM a AS 9\nRUN --mount=type=x,target=/a --network=y b\nENV A=${\nFOO\n"
    let fault = #expect(throws: Faults.self) { try parse(text) }
    #expect(
      fault?.diagnostics.map { "\($0.span?.line ?? 0):\($0.span?.column ?? 0) \($0.excerpt ?? "")" }
        == [
          "1:11 FROM a AS 9", "2:18 RUN --mount=type=x,target=/a --network=y b",
          "2:40 RUN --mount=type=x,target=/a --network=y b", "3:7 ENV A=${", "4:1 FOO",
        ])
  }

  @Test("faults of later reading get the lines of the file")
  func quoting() throws {
    let bytes = Array("\u{FEFF}FROM a\nENV A=${B:?}\n".utf8)
    let stage = try #require(try parseDockerfile(bytes, name: "D").stages.first)
    guard case .environment(let pairs) = try #require(stage.instructions.first).kind else {
      throw Unexpected()
    }
    let fault = #expect(throws: Faults.self) { try Expansion().text(pairs[0].value) { _ in nil } }
    #expect(fault?.quoting(bytes, name: "D").diagnostics.first?.excerpt == "ENV A=${B:?}")
  }
}

/// The faults without their places.
private func unplaced(_ text: String) -> String? {
  faults(text)?.split(separator: "\n").map { line in
    line.split(separator: " ", maxSplits: 1).last.map(String.init) ?? ""
  }.joined(separator: "\n")
}
