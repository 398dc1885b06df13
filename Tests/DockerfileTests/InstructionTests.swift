// Every instruction: what it reads as, and what is refused beside it (reference E29 to E64).

import Diagnostics
import Testing

@testable import Dockerfile

@Suite("Instructions read as what they mean")
struct InstructionTests {
  @Test(
    "pairs",
    arguments: [
      Row("one", "ENV A=b", "A=b"), Row("several", "ENV A=b C=d  E=", "A=b|C=d|E="),
      Row("quotes stay", #"ENV A="b c" D='e f'"#, #"A="b c"|D='e f'"#),
      Row("escaped blanks", #"ENV A=b\ c D=e"#, #"A=b\ c|D=e"#),
      Row("the old form", "ENV A b c", "A b c"), Row("with equals in it", "ENV A b=c", "A b=c"),
      Row("the old form keeps blanks", "ENV A\tb  c ", "A b  c"),
      Row("equals in the value", "ENV A=b=c", "A=b=c"), Row("a variable", "ENV A=$B/c", "A=$B/c"),
      Row("over lines", "ENV A=b \\\n  C=d", "A=b|C=d"),
      Row("labels", #"LABEL a.b="c d" e=f"#, #"a.b="c d"|e=f"#),
      Row("a quoted name", #"LABEL "a b"="c""#, #""a b"="c""#),
      Row("an old label", "LABEL a b", "a b"),
      Row("arguments", "ARG A B=c D=", "A|B=c|D="),
      Row("a quoted value", "ARG A=\"b c\"", "A=\"b c\""),
      Row("an argument with a dash", "ARG a-b.c=1", "a-b.c=1"),
    ])
  func pairs(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "commands",
    arguments: [
      Row("a shell's", "CMD echo a", "shell echo a"),
      Row("exec", #"CMD ["a", "b c"]"#, "exec a|b c"),
      Row("blanks around", #"CMD   [ "a" ]  "#, "exec a"), Row("none", "CMD []", "exec "),
      Row("single quotes are a shell's", "CMD ['a']", "shell ['a']"),
      Row("a test is a shell's", "CMD [ -f a ] && b", "shell [ -f a ] && b"),
      Row("something behind it", #"CMD ["a"] b"#, #"shell ["a"] b"#),
      Row("escapes of JSON", #"CMD ["a\tb\u00e9"]"#, "exec a\tbé"),
      Row("over lines", "CMD [\"a\", \\\n \"b\"]", "exec a|b"),
      Row("lower case", "cmd a", "shell a"), Row("an entrypoint", "ENTRYPOINT [\"/a\"]", "exec /a"),
      Row("an entrypoint of a shell", "ENTRYPOINT exec a", "shell exec a"),
      Row("an entrypoint taken away", "ENTRYPOINT []", "exec "),
      Row("quotes stay", "CMD echo \"$A\" 'b'", "shell echo \"$A\" 'b'"),
      Row("a shell", #"SHELL ["/bin/bash", "-c"]"#, "/bin/bash|-c"),
    ])
  func commands(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "the small ones",
    arguments: [
      Row("a user", "USER app:staff", "app:staff"),
      Row("of a variable", "USER ${U:-1000}", "${U:-1000}"),
      Row("a folder", "WORKDIR /a b", "/a b"), Row("a signal", "STOPSIGNAL SIGQUIT", "SIGQUIT"),
      Row("its number", "STOPSIGNAL 9", "9"),
      Row("ports", "EXPOSE 80 443/tcp  5000-5005/udp", "80|443/tcp|5000-5005/udp"),
      Row("a port of a variable", "EXPOSE $PORT", "$PORT"), Row("volumes", "VOLUME /a /b", "/a|/b"),
      Row("volumes of JSON", #"VOLUME ["/a b", "/c"]"#, "/a b|/c"),
      Row("an author", "MAINTAINER A B <a@b>", "A B <a@b>"),
      Row("a trigger", "ONBUILD RUN make", "RUN make"),
      Row("a trigger's blanks", "ONBUILD   COPY a  b", "COPY a  b"),
      Row("a trigger from a stage", "ONBUILD COPY --from=x a b", "COPY --from=x a b"),
      Row("a trigger with a document", "ONBUILD RUN <<EOF\na\nEOF", "RUN <<EOF\na\nEOF"),
    ])
  func small(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "health",
    arguments: [
      Row("none", "HEALTHCHECK NONE", "none"), Row("lower case", "healthcheck none", "none"),
      Row("a shell's", "HEALTHCHECK CMD curl -f a || exit 1", "shell curl -f a || exit 1"),
      Row("exec", #"HEALTHCHECK CMD ["a", "b"]"#, "exec a|b"),
      Row(
        "times",
        "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=1.5s --start-interval=2s --retries=3 CMD a",
        "shell a interval=90000000000 timeout=500000000 start=1500000000 start-interval=2000000000 retries=3"
      ),
      Row("zero inherits", "HEALTHCHECK --interval=0s --retries=0 CMD a", "shell a"),
      Row("a bare zero", "HEALTHCHECK --timeout=0 CMD a", "shell a"),
    ])
  func health(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "copies",
    arguments: [
      Row("one", "COPY a b", "a -> b"), Row("several", "COPY a b c/", "a|b -> c/"),
      Row("of JSON", #"COPY ["a b", "c d/"]"#, "a b -> c d/"),
      Row("from a stage", "COPY --from=build /a /b", "from=build /a -> /b"),
      Row("an owner", "COPY --chown=$U:staff a b", "chown=$U:staff a -> b"),
      Row("a quoted owner", "COPY --chown=\"a b\" a b", "chown=a b a -> b"),
      Row("a mode", "COPY --chmod=u=rwX,go=rX a b", "chmod=u=rwX,go=rX a -> b"),
      Row("linked", "COPY --link a b", "link a -> b"),
      Row("not linked", "COPY --link=false a b", "a -> b"),
      Row("truth in capitals", "COPY --link=TRUE a b", "link a -> b"),
      Row("with parents", "COPY --parents ./a/./b/** c/", "parents ./a/./b/** -> c/"),
      Row(
        "without some", "COPY --exclude=*.o --exclude=!b.o . /", "exclude=*.o exclude=!b.o . -> /"),
      Row(
        "everything", "COPY --from=a --chown=1 --chmod=644 --link b c",
        "from=a chown=1 chmod=644 link b -> c"),
      Row("flags end", "COPY -- --a b", "--a -> b"),
      Row("an archive", "ADD a.tar.gz /", "a.tar.gz -> /"),
      Row("kept whole", "ADD --unpack=false a.tar /", "unpack=false a.tar -> /"),
      Row("unpacked", "ADD --unpack https://a/b.tar /", "unpack=true https://a/b.tar -> /"),
      Row(
        "a checksum", "ADD --checksum=sha256:ab https://a/b /",
        "checksum=sha256:ab https://a/b -> /"),
      Row(
        "a repository", "ADD --keep-git-dir=true https://a/b.git#c:d /",
        "keep-git-dir https://a/b.git#c:d -> /"),
    ])
  func copies(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "runs",
    arguments: [
      Row("a shell's", "RUN a && b", "shell a && b"), Row("exec", #"RUN ["a"]"#, "exec a"),
      Row("a test", "RUN [ -f a ]", "shell [ -f a ]"),
      Row("joined lines", "RUN a && \\\n    b", "shell a &&     b"),
      Row("comments between", "RUN a && \\\n # no\n#no\n b", "shell a &&  b"),
      Row("a sign of comments later", "RUN a # b", "shell a # b"),
      Row("no network", "RUN --network=none a", "network=none shell a"),
      Row("the host's", "RUN --network=host a", "network=host shell a"),
      Row("the usual one", "RUN --network=default a", "shell a"),
      Row("unsafe", "RUN --security=insecure a", "insecure shell a"),
      Row("safe", "RUN --security=sandbox a", "shell a"),
      Row("flags of the program", "RUN a --mount=b", "shell a --mount=b"),
      Row("a bind", "RUN --mount=type=bind,target=/a b", "{bind,ro,target=/a} shell b"),
      Row(
        "the usual kind", "RUN --mount=dst=/a,src=c,from=d b",
        "{bind,ro,target=/a,source=c,from=d} shell b"),
      Row("writable", "RUN --mount=destination=/a,rw b", "{bind,rw,target=/a} shell b"),
      Row(
        "writable by value", "RUN --mount=target=/a,readwrite=1 b", "{bind,rw,target=/a} shell b"),
      Row(
        "not writable by value", "RUN --mount=target=/a,rw=false b", "{bind,ro,target=/a} shell b"),
      Row(
        "a cache", "RUN --mount=type=cache,id=i,target=/a,sharing=locked,mode=0755,uid=1,gid=2 b",
        "{cache,rw,target=/a,id=i,locked,mode=0755,uid=1,gid=2} shell b"),
      Row(
        "a cache that is read", "RUN --mount=type=cache,target=/a,ro b",
        "{cache,ro,target=/a} shell b"),
      Row(
        "a cache from a stage", "RUN --mount=type=cache,target=/a,from=s,source=/x b",
        "{cache,rw,target=/a,source=/x,from=s} shell b"),
      Row(
        "memory", "RUN --mount=type=tmpfs,target=/a,size=64m b",
        "{tmpfs,rw,target=/a,size=67108864} shell b"),
      Row(
        "half of it", "RUN --mount=type=tmpfs,target=/a,size=1.5KiB b",
        "{tmpfs,rw,target=/a,size=1536} shell b"),
      Row("a secret", "RUN --mount=type=secret,id=i b", "{secret,ro,id=i} shell b"),
      Row(
        "a secret's place", "RUN --mount=type=secret,id=i,target=/a,required,mode=0400 b",
        "{secret,ro,target=/a,id=i,required,mode=0400} shell b"),
      Row(
        "a secret's variable", "RUN --mount=type=secret,id=i,env=A b",
        "{secret,ro,id=i,env=A} shell b"),
      Row("an agent", "RUN --mount=type=ssh b", "{ssh,ro} shell b"),
      Row(
        "an agent that must be", "RUN --mount=type=ssh,required=true,id=x b",
        "{ssh,ro,id=x,required} shell b"),
      Row(
        "two", "RUN --mount=target=/a --mount=type=ssh b", "{bind,ro,target=/a} {ssh,ro} shell b"),
      Row("keys in capitals", "RUN --mount=Type=Cache,TARGET=/a b", "{cache,rw,target=/a} shell b"),
      Row(
        "the kind last", "RUN --mount=sharing=private,target=/a,type=cache b",
        "{cache,rw,target=/a,private} shell b"),
      Row(
        "a quoted field", #"RUN --mount='target=/a,"source=b,c"' d"#,
        "{bind,ro,target=/a,source=b,c} shell d"),
      Row("variables", "RUN --mount=target=$A b", "{bind,ro,target=$A} shell b"),
      Row(
        "numbers in variables", "RUN --mount=type=cache,target=/a,uid=$U b",
        "{cache,rw,target=/a,variables} shell b"),
    ])
  func runs(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test("numbers of mounts come out of variables")
  func variables() throws {
    let text = "RUN --mount=type=$T,target=/$A,uid=$U,mode=${M:-0700},sharing=${S} b"
    guard case .run(let run) = try instruction(text).kind else { throw Unexpected() }
    let mount = try #require(run.mounts.first)
    let values = ["T": "cache", "U": "7", "S": "locked"]
    let read = try mount.readingVariables(Expansion()) { values[$0] }
    #expect(described(read) == "{cache,rw,target=/$A,locked,mode=0700,uid=7}")
    let fault = #expect(throws: Faults.self) {
      try mount.readingVariables(Expansion()) { values[$0] ?? "x" }
    }
    #expect(fault.map(shown) == "2:44+10 invalid value `x` for `mode`")
  }

  @Test(
    "here-documents",
    arguments: [
      Row("a script", "RUN <<EOF\na\nb\nEOF", "shell <<EOF <EOF:a\nb\n>"),
      Row("an empty one", "RUN <<EOF\nEOF", "shell <<EOF <EOF:>"),
      Row("for a program", "RUN python3 <<EOF\na\nEOF", "shell python3 <<EOF <EOF:a\n>"),
      Row("for the name behind it", "RUN <<EOF python3\na\nEOF", "shell <<EOF python3 <EOF:a\n>"),
      Row("tabs go", "RUN <<-EOF\n\ta\n\t\tb\n\tEOF", "shell <<-EOF <EOF-:a\nb\n>"),
      Row("tabs stay", "RUN <<EOF\n\ta\nEOF", "shell <<EOF <EOF:\ta\n>"),
      Row("quoted", "RUN <<'EOF'\n$a\nEOF", "shell <<'EOF' <EOF':$a\n>"),
      Row("in double quotes", "RUN <<\"EOF\"\n$a\nEOF", "shell <<\"EOF\" <EOF':$a\n>"),
      Row("quoted in part", "RUN <<eo'f'\na\neof", "shell <<eo'f' <eof':a\n>"),
      Row("an escaped quote", "RUN <<eo\\'f\na\neo'f", "shell <<eo\\'f <eo'f:a\n>"),
      Row("blanks in the name", "RUN <<'one two'\na\none two", "shell <<'one two' <one two':a\n>"),
      Row("a name like a variable", "RUN <<$EOF\n$EOF", "shell <<$EOF <$EOF:>"),
      Row("blanks before the name", "RUN << EOF > a\nb\nEOF", "shell << EOF > a <EOF:b\n>"),
      Row("a descriptor", "RUN 3<<EOF\na\nEOF", "shell 3<<EOF <EOF:a\n>"),
      Row("with a mount", "RUN --mount=type=ssh <<EOF\na\nEOF", "{ssh,ro} shell <<EOF <EOF:a\n>"),
      Row(
        "comments and escapes stay", "RUN <<EOF\n# a\nb \\\nc\nEOF",
        "shell <<EOF <EOF:# a\nb \\\nc\n>"),
      Row("two", "RUN a <<X b <<Y\nY\nX\nX\nY", "shell a <<X b <<Y <X:Y\n> <Y:X\n>"),
      Row("line ends stay", "RUN <<EOF\r\na\r\nEOF\r\n", "shell <<EOF <EOF:a\r\n>"),
      Row("files", "COPY <<a.txt <<b /d/\n1\na.txt\n2\nb", " -> /d/ <a.txt:1\n> <b:2\n>"),
      Row("a file beside others", "COPY x <<E /d/\n1\nE", "x -> /d/ <E:1\n>"),
      Row("a file with blanks before its name", "COPY << E /d\n1\nE", " -> /d <E:1\n>"),
      Row("a name with a folder", "RUN <<a/b\n1\na/b", "shell <<a/b <a/b:1\n>"),
      Row("added", "ADD --chmod=755 <<E /d\n1\nE", "chmod=755  -> /d <E:1\n>"),
      Row("a here-string is none", "RUN a <<<EOF", "shell a <<<EOF"),
      Row("quoted whole it is none", "RUN \"<<EOF\"", "shell \"<<EOF\""),
      Row("inside of a word it is none", "RUN a<<EOF", "shell a<<EOF"),
      Row("a shift is none", "RUN echo $((1<<2))", "shell echo $((1<<2))"),
      Row("an escaped one is none", "RUN a \\<<EOF", "shell a \\<<EOF"),
      Row("a quote that is not closed", "RUN echo don't <<EOF", "shell echo don't <<EOF"),
      Row("in JSON it is none", #"RUN ["<<EOF"]"#, "exec <<EOF"),
      Row("other instructions have none", "USER <<EOF", "<<EOF"),
    ])
  func documents(_ row: Row) throws {
    #expect(described(try instruction(row.text).kind) == row.expected)
  }

  @Test(
    "what people are shown",
    arguments: [
      Row("the name in capitals", "run a", "RUN a"),
      Row("joined", "RUN a \\\n  # c\n  b", "RUN a   b"),
      Row("flags stay", "COPY --from=a  b c", "COPY --from=a  b c"),
      Row("a script", "RUN <<EOF\n\n  a\nb\nEOF", "RUN <<EOF (a...)"),
      Row("a script of one line", "RUN <<EOF\na\n\nEOF", "RUN <<EOF (a)"),
      Row("a program's input", "RUN cat <<EOF\na\nEOF", "RUN cat <<EOF"),
      Row("a file", "COPY <<E /d\n1\nE", "COPY <<E /d"),
      Row("a trigger", "onbuild run a", "ONBUILD run a"),
    ])
  func text(_ row: Row) throws { #expect(try instruction(row.text).text == row.expected) }

  @Test("a shell gets its here-documents again")
  func shellText() throws {
    func shell(_ text: String) throws -> String? {
      guard case .run(let run) = try instruction(text).kind else { throw Unexpected() }
      return run.shellText
    }
    #expect(try shell("RUN a") == "a")
    #expect(try shell("RUN [\"a\"]") == nil)
    #expect(try shell("RUN <<EOF\na\nEOF") == "a\n")
    #expect(try shell("RUN a <<'X' <<-Y\n1\nX\n\t2\n\tY") == "a <<'X' <<-Y\n1\nX\n2\nY")
  }

  @Test("places of words")
  func places() throws {
    let run = try instruction("ENV é=1 \\\n  B=\"x y\" C=2")
    guard case .environment(let pairs) = run.kind else { throw Unexpected() }
    #expect(run.lines == 2...3 && run.span.line == 2 && run.span.column == 1)
    #expect(
      pairs.map {
        [$0.name.span.line, $0.name.span.column, $0.value.span.column, $0.value.span.length]
      }
        == [[2, 5, 7, 1], [3, 3, 5, 5], [3, 11, 13, 1]])
    guard case .copy(let copy) = try instruction("COPY --chown=\"a\":b [\"x\\\\\", \"y\"]").kind
    else {
      throw Unexpected()
    }
    #expect(copy.owner?.span.column == 15 && copy.owner?.span.length == 4)
    #expect(copy.destination.span.column == 28 && copy.destination.span.length == 3)
  }
}

struct Unexpected: Error {}
