// `build --check`: what is told of how a Dockerfile is written, and what is not.

import Diagnostics
import Testing

@testable import Dockerfile

@Suite("Checks tell what a Dockerfile may say but better would not")
struct ChecksTests {
  /// `LINE:COLUMN+LENGTH NAME` of each warning.
  private func warnings(
    _ text: String, knowing knowledge: CheckKnowledge = CheckKnowledge()
  ) throws -> String {
    let file = try parse(text)
    let found = runChecks(file, source: bytes(text), knowledge: knowledge)
    return found.map { warning in
      let span = warning.span
      return "\(span?.line ?? 0):\(span?.column ?? 0)+\(span?.length ?? 0) \(warning.code ?? "")"
    }.joined(separator: "\n")
  }

  @Test(
    "of stages",
    arguments: [
      Row("plain", "FROM a AS b", ""),
      Row("a name in capitals", "FROM a AS Build", "1:11+5 StageNameCasing"),
      Row("a lower as", "FROM a as b", "1:8+2 FromAsCasing"),
      Row("an upper as", "from a AS b", "1:8+2 FromAsCasing"),
      Row("both lower", "from a as b", ""),
      Row("a mixed from says nothing of as", "From a as b", "1:1+4 ConsistentInstructionCasing"),
      Row("a mixed as", "FROM a As b", "1:8+2 FromAsCasing"),
      Row("twice the same name", "FROM a AS b\nFROM c AS b", "2:11+1 DuplicateStageName"),
      Row(
        "twice but for capitals", "FROM a AS b\nFROM c AS B",
        "2:11+1 StageNameCasing\n2:11+1 DuplicateStageName"),
      Row("scratch", "FROM a AS scratch", "1:11+7 ReservedStageName"),
      Row("context", "FROM a AS context", "1:11+7 ReservedStageName"),
    ])
  func stages(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test(
    "of bases and platforms",
    arguments: [
      Row("declared", "ARG V=1\nFROM a:$V", ""),
      Row("of the platform", "FROM --platform=$BUILDPLATFORM a", ""),
      Row("not declared", "FROM a:${V}", "1:6+6 InvalidDefaultArgInFrom\n1:8+4 UndefinedArgInFrom"),
      Row("mistyped", "ARG VERSION=1\nFROM a:$VERSIOM-x", "2:8+8 UndefinedArgInFrom"),
      Row("without a default", "ARG V\nFROM a:$V", "2:6+4 InvalidDefaultArgInFrom"),
      Row("with a default of its own", "ARG V\nFROM a:${V:-1}", ""),
      Row("all of it a variable", "ARG B\nFROM $B", "2:6+2 InvalidDefaultArgInFrom"),
      Row("defaults that use others", "ARG A=x\nARG B=$A:1\nFROM $B", ""),
      Row("a default in capitals", "ARG B=Alpine\nFROM $B", "2:6+2 InvalidDefaultArgInFrom"),
      Row("a registry in capitals", "ARG B=REG.io:50/a/b:V1\nFROM $B", ""),
      Row("a digest", "ARG B=a@sha256:00\nFROM $B", ""),
      Row("two tags", "ARG B=a:1:2\nFROM $B", "2:6+2 InvalidDefaultArgInFrom"),
      Row("a stage", "FROM a AS b\nFROM b", ""),
      Row("an unknown platform", "FROM --platform=$X a", "1:17+2 UndefinedArgInFrom"),
      Row(
        "the target", "FROM --platform=$TARGETPLATFORM a", "1:17+15 RedundantTargetPlatform"),
      Row(
        "the target in braces", "FROM --platform=${TARGETPLATFORM} a",
        "1:17+17 RedundantTargetPlatform"),
      Row("part of the target", "FROM --platform=$TARGETOS/arm64 a", ""),
      Row("the target and more", "FROM --platform=${TARGETPLATFORM:+linux/arm64} a", ""),
      Row("a constant", "FROM --platform=linux/arm64 a", "1:17+11 FromPlatformFlagConstDisallowed"),
      Row(
        "a constant that the stage is named for", "FROM --platform=linux/arm64 a AS build-arm64", ""
      ),
      Row("one by another name", "FROM --platform=linux/aarch64 a AS arm64", ""),
      Row(
        "another stage's", "FROM --platform=linux/arm64 a AS amd64",
        "1:17+11 FromPlatformFlagConstDisallowed"),
      Row("no platform at all", "FROM --platform=a/b/c/d a", ""),
    ])
  func bases(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test(
    "of writing",
    arguments: [
      Row("all upper", "FROM a\nRUN x\nUSER y", ""), Row("all lower", "from a\nrun x\nuser y", ""),
      Row("mostly upper", "FROM a\nRUN x\nuser y", "3:1+4 ConsistentInstructionCasing"),
      Row("mostly lower", "from a\nrun x\nUSER y", "3:1+4 ConsistentInstructionCasing"),
      Row("even", "from a\nRUN x", "1:1+4 ConsistentInstructionCasing"),
      Row("mixed in itself", "FROM a\nRun x", "2:1+3 ConsistentInstructionCasing"),
      Row("an empty line", "FROM a\nRUN x \\\n\n  y", "3:1+1 NoEmptyContinuation"),
      Row("two in a row", "FROM a\nRUN x \\\n\n\n  y", "3:1+1 NoEmptyContinuation"),
      Row(
        "two apart", "FROM a\nRUN x \\\n\n  y \\\n \n z",
        "3:1+1 NoEmptyContinuation\n5:1+1 NoEmptyContinuation"),
      Row("a comment is none", "FROM a\nRUN x \\\n# c\n  y", ""),
      Row("maintainer", "FROM a\nMAINTAINER me", "2:1+13 MaintainerDeprecated"),
      Row("old env", "FROM a\nENV a b c", "2:1+9 LegacyKeyValueFormat"),
      Row("old label", "FROM a\nLABEL a b", "2:1+9 LegacyKeyValueFormat"),
      Row("new env", "FROM a\nENV a=b\nLABEL c=d", ""),
    ])
  func writing(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test(
    "of commands",
    arguments: [
      Row("lists", "FROM a\nENTRYPOINT [\"x\"]\nCMD [\"y\"]", ""),
      Row("text", "FROM a\nCMD x", "2:1+5 JSONArgsRecommended"),
      Row("an entrypoint", "FROM a\nENTRYPOINT x y", "2:1+14 JSONArgsRecommended"),
      Row("with a shell", "FROM a\nSHELL [\"bash\", \"-c\"]\nCMD x", ""),
      Row(
        "with a shell of its base", "FROM a AS b\nSHELL [\"bash\"]\nFROM b\nCMD x", ""),
      Row(
        "with a shell that comes later", "FROM a\nCMD x\nSHELL [\"bash\"]",
        "2:1+5 JSONArgsRecommended"),
      Row("two", "FROM a\nCMD [\"x\"]\nCMD [\"y\"]", "2:1+9 MultipleInstructionsDisallowed"),
      Row(
        "three", "FROM a\nENTRYPOINT [\"x\"]\nRUN y\nENTRYPOINT [\"y\"]\nENTRYPOINT [\"z\"]",
        "2:1+16 MultipleInstructionsDisallowed\n4:1+16 MultipleInstructionsDisallowed"),
      Row(
        "two health checks", "FROM a\nHEALTHCHECK NONE\nHEALTHCHECK CMD x",
        "2:1+16 MultipleInstructionsDisallowed"),
      Row("one in each stage", "FROM a AS b\nCMD [\"x\"]\nFROM b\nCMD [\"y\"]", ""),
    ])
  func commands(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test(
    "a list that JSON does not know is told as what it is",
    arguments: ["CMD [\"echo\", \"hi]", "ENTRYPOINT ['a']", "CMD [a, b]"])
  func lists(_ text: String) throws {
    let warning = try #require(try parse("FROM a\n" + text).warnings.first)
    #expect(warning.code == "JSONArgsRecommended")
    #expect(warning.summary.contains("begins as a list and is no list of JSON"))
    #expect(warning.hint?.contains("double quotes") == true)
  }

  @Test(
    "of folders, ports and secrets",
    arguments: [
      Row("from the root", "FROM a\nWORKDIR /x\nWORKDIR y", ""),
      Row("from somewhere", "FROM a\nWORKDIR x\nWORKDIR y", "2:9+1 WorkdirRelativePath"),
      Row("set by the base stage", "FROM a AS b\nWORKDIR /x\nFROM b\nWORKDIR y", ""),
      Row(
        "not set by another", "FROM a AS b\nWORKDIR /x\nFROM a\nWORKDIR y",
        "4:9+1 WorkdirRelativePath"),
      Row("by a known variable", "FROM a\nENV D=/x\nWORKDIR $D/y", ""),
      Row("by a relative one", "FROM a\nARG D=x\nWORKDIR $D", "3:9+2 WorkdirRelativePath"),
      Row(
        "by one that is declared again", "FROM a\nARG D=x\nARG D\nWORKDIR $D",
        "4:9+2 WorkdirRelativePath"),
      Row("by one that is not known", "FROM a\nARG D\nWORKDIR $D", ""),
      Row("ports", "FROM a\nEXPOSE 80 443/tcp 5000-5005/udp", ""),
      Row("a loud protocol", "FROM a\nEXPOSE 80/TCP", "2:8+6 ExposeProtoCasing"),
      Row("a host's port", "FROM a\nEXPOSE 80:80", "2:8+5 ExposeInvalidFormat"),
      Row("an address", "FROM a\nEXPOSE 1 127.0.0.1:80:80/tcp", "2:10+19 ExposeInvalidFormat"),
      Row("a variable port", "FROM a\nARG P\nEXPOSE ${P:-80}/tcp", ""),
      Row("a secret", "FROM a\nARG API_KEY", "2:5+7 SecretsUsedInArgOrEnv"),
      Row("in capitals or not", "FROM a\nENV github_Token=x", "2:5+12 SecretsUsedInArgOrEnv"),
      Row("a word within a word", "FROM a\nENV KEYBOARD=x MONKEY=y AUTHOR=z", ""),
      Row("where one is", "FROM a\nENV KEY_FILE=x PUBLIC_KEY=y TOKEN_VERSION=z", ""),
      Row("before all stages", "ARG TOKEN=1\nFROM a:$TOKEN", ""),
      Row("a label", "FROM a\nLABEL password=x", ""),
    ])
  func details(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test(
    "of variables, above an image that sets nothing",
    arguments: [
      Row("set", "FROM scratch\nENV A=1\nENV B=$A", ""),
      Row("declared", "FROM scratch\nARG A\nUSER ${A}", ""),
      Row("PATH is always there", "FROM scratch\nENV PATH=$PATH:/x", ""),
      Row("mistyped", "FROM scratch\nENV PATH=$PAHT:/x", "2:10+5 UndefinedVar"),
      Row("in braces", "FROM scratch\nENV A=\"x${B}\"", "2:9+4 UndefinedVar"),
      Row("with a default", "FROM scratch\nENV A=${B:-1}", "2:7+3 UndefinedVar"),
      Row("on the same line", "FROM scratch\nENV A=1 B=$A", "2:11+2 UndefinedVar"),
      Row("arguments of one line see each other", "FROM scratch\nARG A=1 B=$A", ""),
      Row("in themselves", "FROM scratch\nARG A=$A", "2:7+2 UndefinedVar"),
      Row("twice on a line counts once", "FROM scratch\nLABEL a=$x b=$x", "2:9+2 UndefinedVar"),
      Row("declared for FROM alone", "ARG V=1\nFROM scratch\nLABEL v=$V", "3:9+2 UndefinedVar"),
      Row("declared again", "ARG V=1\nFROM scratch\nARG V\nLABEL v=$V", ""),
      Row("of the platform", "FROM scratch\nUSER $TARGETARCH", "2:6+11 UndefinedVar"),
      Row("too late", "FROM scratch\nUSER $U\nENV U=1", "2:6+2 UndefinedVar"),
      Row(
        "the shell's own", "FROM scratch\nRUN echo $x\nCMD echo $y", "3:1+11 JSONArgsRecommended"),
      Row("quoted", "FROM scratch\nENV A='$B' C=\\$D", ""),
      Row("of the base stage", "FROM scratch AS a\nENV X=1\nFROM a\nUSER $X", ""),
      Row(
        "of another stage", "FROM scratch AS a\nENV X=1\nFROM scratch\nUSER $X",
        "4:6+2 UndefinedVar"),
      Row(
        "in copies", "FROM scratch\nCOPY --chown=$o $s $d",
        "2:14+2 UndefinedVar\n2:17+2 UndefinedVar\n2:20+2 UndefinedVar"),
      Row("in mounts", "FROM scratch\nRUN --mount=type=cache,target=$t x", "2:31+2 UndefinedVar"),
      Row("in a file", "FROM scratch\nCOPY <<E /x\n$v\nE", "2:1+11 UndefinedVar"),
      Row("in a file as it is", "FROM scratch\nCOPY <<'E' /x\n$v\nE", ""),
    ])
  func variables(row: Row) throws { #expect(try warnings(row.text) == row.expected) }

  @Test("of an image that is not known only likely mistakes are told")
  func unknownImage() throws {
    let text = "FROM python\nARG VERSION=$PYTHON_VERSION\nUSER $VERSIOM\n"
    #expect(try warnings(text) == "3:6+8 UndefinedVar")
    var knowledge = CheckKnowledge()
    knowledge.environments = [0: ["PYTHON_VERSION"]]
    #expect(try warnings(text, knowing: knowledge) == "3:6+8 UndefinedVar")
    knowledge.environments = [0: []]
    #expect(
      try warnings(text, knowing: knowledge) == "2:13+15 UndefinedVar\n3:6+8 UndefinedVar")
  }

  @Test(
    "of paths that the context leaves out",
    arguments: [
      Row("all there", "FROM a\nCOPY src /x", ""),
      Row("one", "FROM a\nCOPY src docs/a.md /x/", "2:10+9 CopyIgnoredFile"),
      Row("below the root", "FROM a\nADD /docs /x", "2:5+5 CopyIgnoredFile"),
      Row("cleaned", "FROM a\nADD ./docs/ /x", "2:5+7 CopyIgnoredFile"),
      Row("by a known variable", "FROM a\nARG d=docs\nADD $d /x", "3:5+2 CopyIgnoredFile"),
      Row("the whole context", "FROM a\nCOPY . /x", ""),
      Row("from a stage", "FROM a AS b\nFROM a\nCOPY --from=b docs /x", ""),
      Row("from elsewhere", "FROM a\nADD https://host/docs /x", ""),
    ])
  func ignored(row: Row) throws {
    var knowledge = CheckKnowledge()
    knowledge.ignoreRules = try IgnoreRules(lines: [bytes("docs")])
    #expect(try warnings(row.text, knowing: knowledge) == row.expected)
    // With exceptions it cannot be told from the rules alone.
    knowledge.ignoreRules = try IgnoreRules(lines: [bytes("docs"), bytes("!docs/a")])
    #expect(try warnings(row.text, knowing: knowledge) == "")
  }

  @Test(
    "of comments above stages and arguments, when asked for",
    arguments: [
      Row("a description", "\n# b builds\nFROM a AS b", ""),
      Row("another comment", "\n# builds\nFROM a AS b", "3:1+11 InvalidDefinitionDescription"),
      Row("no name, no description", "\n# builds\nFROM a", ""),
      Row("a line between", "\n# builds\n\nFROM a AS b", ""),
      Row("an argument", "\nFROM a\n# x\nARG V", "4:1+5 InvalidDefinitionDescription"),
      Row("several arguments", "\nFROM a\n# W is for x\nARG V W", ""),
      Row("before all stages", "\n# x\nARG V=1\nFROM a:$V", "3:5+3 InvalidDefinitionDescription"),
    ])
  func descriptions(row: Row) throws {
    #expect(try warnings("# check=experimental=all" + row.text) == row.expected)
    #expect(
      try warnings("# check=experimental=InvalidDefinitionDescription" + row.text) == row.expected)
    #expect(try warnings("# check=experimental=CopyIgnoredFile" + row.text) == "")
    #expect(try warnings(row.text) == "")
  }

  @Test("the directives above a stage are no description of it")
  func directives() throws {
    #expect(try warnings("# check=experimental=all\nFROM a AS b") == "")
  }

  @Test("what `# check=` leaves out is not told")
  func skipping() throws {
    let text = "FROM a as B\nCMD x\nWORKDIR y\n"
    #expect(try warnings(text).split(separator: "\n").count == 4)
    #expect(
      try warnings("# check=skip=StageNameCasing,JSONArgsRecommended\n" + text)
        == "2:8+2 FromAsCasing\n4:9+1 WorkdirRelativePath")
    #expect(try warnings("# check=skip=fromascasing;error=true\n" + text).contains("As") == false)
    #expect(try warnings("# check=skip=all\n" + text) == "")
  }

  @Test("a build argument can say it in the file's place")
  func replaced() throws {
    let text = "# check=skip=all;error=true\nFROM a as B\nWORKDIR y\n"
    var file = try parse(text)
    try file.directives.replaceChecks(with: "skip=StageNameCasing, WorkdirRelativePath")
    #expect(!file.directives.failsOnWarnings)
    #expect(runChecks(file, source: bytes(text)).map(\.code) == ["FromAsCasing"])
    try file.directives.replaceChecks(with: "error=true")
    #expect(file.directives.failsOnWarnings)
    #expect(runChecks(file, source: bytes(text)).count == 3)
    let faults = #expect(throws: Faults.self) {
      try file.directives.replaceChecks(with: "skip=all;sikp=x")
    }
    #expect(faults?.diagnostics.first?.summary == "invalid check option `sikp=x`")
    #expect(faults?.diagnostics.first?.span?.column == 10)
  }

  @Test("a warning has a name, a place, the line and what to do")
  func whole() throws {
    let text = "\u{FEFF}FROM scratch\r\nWORKDIR tmp\r\n"
    let file = try checked(bytes(text), name: "app/Dockerfile")
    #expect(
      file.warnings == [
        Diagnostic(
          "where `tmp` is depends on the base image", severity: .warning,
          code: "WorkdirRelativePath",
          span: SourceSpan(file: "app/Dockerfile", line: 2, column: 9, length: 3),
          excerpt: "WORKDIR tmp", hint: "begin it with `/`")
      ])
  }

  @Test(
    "hints say what to type",
    arguments: [
      Row("StageNameCasing", "FROM a AS Build", "write `build`: that is how it is known"),
      Row("FromAsCasing", "FROM a as b", "write `AS`"),
      Row("ConsistentInstructionCasing", "FROM a\nrun x", "write `RUN`"),
      Row("UndefinedArgInFrom", "ARG BASE=a\nFROM $BASA:1", "did you mean `$BASE`?"),
      Row("UndefinedVar", "FROM scratch\nENV PATH=$PAHT", "did you mean `$PATH`?"),
      Row(
        "UndefinedVar", "FROM scratch\nUSER $who", "declare it with `ARG who` or `ENV who=…`"),
      Row(
        "UndefinedVar", "ARG V=1\nFROM scratch\nUSER $V", "write `ARG V` in this stage to use it"),
      Row("LegacyKeyValueFormat", "FROM a\nENV x y z", "write `ENV x=…`"),
      Row(
        "ExposeInvalidFormat", "FROM a\nEXPOSE 8080:80/tcp",
        "write `80/tcp`: ports of the host are chosen where it is run"),
      Row("ExposeProtoCasing", "FROM a\nEXPOSE 80/UDP", "write `udp`"),
      Row(
        "MultipleInstructionsDisallowed", "FROM a\nCMD [\"x\"]\n\nCMD [\"y\"]",
        "only the last `CMD` of a stage counts: take this one out"),
    ])
  func hints(row: Row) throws {
    let warnings = try parse(row.text).warnings
    #expect(warnings.contains { $0.code == row.label && $0.hint == row.expected })
  }

  @Test("of a file full of them a hundred are told")
  func bounded() throws {
    let text = "FROM a\n" + String(repeating: "ENV x y z\n", count: 500)
    #expect(try parse(text).warnings.count == 100)
  }

  @Test("no made-up file makes the checks trap")
  func anyFile() {
    var dice = Dice(seed: 5)
    let pieces = [
      "FROM ", "from ", "a", " AS ", " as ", "B", "b", "\n", "\n", "RUN ", "ENV ", "x y", "A=$B",
      "${A", "}", ":-", "ARG ", "CMD ", "[\"x\"]", "WORKDIR ", "COPY ", "<<E", "\nE\n", "EXPOSE ",
      ":80/TCP", "$", "\\\n", "# check=experimental=all\n", "--platform=", "linux/", "/", "é", "@",
      " ", "scratch", "LABEL ", "MAINTAINER ",
    ]
    var read = 0
    for _ in 0..<5_000 {
      let text = "FROM a\n" + (0..<dice.below(14)).map { _ in dice.pick(pieces) }.joined()
      // Most are no Dockerfiles; those that are go through the checks.
      guard let file = try? parse(text) else { continue }
      read += 1
      #expect(file.warnings.allSatisfy { $0.severity == .warning && $0.code != nil })
    }
    #expect(read > 200)
  }
}
