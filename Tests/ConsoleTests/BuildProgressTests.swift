// Builds in three forms: lines, objects and frames.

import Blueprint
import Engine
import JSON
import Testing

@testable import Console

/// `2.5: #1 + [1/2] RUN make`: an event as a row.
private func event(_ seconds: Double, _ step: Int, _ change: BuildEvent.Change) -> BuildEvent {
  BuildEvent(step: step, change, time: .milliseconds(Int64(seconds * 1000)))
}

private func output(_ text: String, isError: Bool = false) -> BuildEvent.Change {
  .output(Array(text.utf8), isError: isError)
}

@Suite("builds as lines")
struct BuildLinesTests {
  private static func page(_ events: [BuildEvent], neutralises: Bool = false) -> String {
    var lines = BuildLines(neutralises: neutralises)
    return String(decoding: events.flatMap { lines.take($0) }, as: UTF8.self)
  }

  @Test("a build of three steps")
  func three() {
    let page = Self.page([
      event(0.1, 1, .began("[web 1/3] FROM busybox")), event(0.1, 1, .finished(.cached)),
      event(0.1, 2, .began("[web 2/3] RUN make")), event(0.25, 2, output("gcc main.c\nld")),
      event(0.5, 2, output("warning: x\n", isError: true)), event(12.6, 2, output(" -o main\n\n")),
      event(112.7, 2, output("last")), event(113.1, 2, .finished(.done)),
      event(113.2, 3, .began("[web 3/3] RUN false")),
      event(113.3, 3, .finished(.failed("`false` exited with code 1"))),
    ])
    #expect(
      page == """
        #1 [web 1/3] FROM busybox
        #1 CACHED

        #2 [web 2/3] RUN make
        #2 0.150 gcc main.c
        #2 0.400 warning: x
        #2 0.150 ld -o main
        #2 12.50\u{20}
        #2 112.6 last
        #2 DONE 113.0s

        #3 [web 3/3] RUN false
        #3 ERROR: `false` exited with code 1

        """)
  }

  @Test("steps side by side come in blocks: who has the page keeps it, what ends is told at once")
  func blocks() {
    let page = Self.page([
      event(0, 1, .began("[a 1/2] RUN one")), event(0, 2, .began("[b 1/1] RUN two")),
      event(0.1, 1, output("one 1\n")), event(0.2, 2, output("two 1\n")),
      event(0.3, 2, output("two 2\n")), event(0.4, 2, .finished(.done)),
      event(0.5, 1, output("one 2\n")), event(0.6, 1, .finished(.done)),
    ])
    #expect(
      page == """
        #1 [a 1/2] RUN one
        #1 0.100 one 1
        #1 ...

        #2 [b 1/1] RUN two
        #2 0.200 two 1
        #2 0.300 two 2
        #2 DONE 0.4s

        #1 [a 1/2] RUN one
        #1 0.500 one 2
        #1 DONE 0.6s

        """)
  }

  @Test("nobody waits forever: after a while, or with much to say, the other has the page")
  func patience() {
    var lines = BuildLines(neutralises: false)
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    _ = lines.take(event(0, 1, .began("one")))
    let beginning = lines.take(event(0.5, 2, .began("two")))
    #expect(text(beginning) == "#1 one\n")
    _ = lines.take(event(0.9, 1, output("w\n")))
    let early = lines.wait(until: .milliseconds(1300))
    #expect(text(early) == "")
    let late = lines.wait(until: .milliseconds(1400))
    #expect(text(late) == "#1 ...\n\n#2 two\n")
    let again = lines.wait(until: .seconds(60))
    #expect(text(again) == "")
    for tenth in 1...24 {
      _ = lines.take(event(60 + Double(tenth) / 10, 2, output("y\n")))
      guard tenth == 5 else { continue }
      let waiting = lines.take(event(60.5, 1, output("x\n")))
      #expect(text(waiting) == "")
    }
    let long = lines.take(event(62.5, 2, output("y\n")))
    #expect(text(long) == "#2 62.00 y\n#2 ...\n\n#1 one\n#1 60.50 x\n")
    let flood = lines.take(event(62.6, 2, output(String(repeating: "0123456789\n", count: 30_000))))
    #expect(text(flood).hasPrefix("#1 ...\n\n#2 two\n#2 62.10 0123456789\n"))
  }

  @Test("when the page is free, what has begun longest has it")
  func free() {
    let page = Self.page([
      event(0, 1, .began("one")), event(0, 2, .began("two")), event(0, 3, .began("three")),
      event(1, 1, .finished(.cancelled)), event(1, 3, .finished(.cached)),
    ])
    #expect(
      page == "#1 one\n#1 CANCELED\n\n#2 two\n#2 ...\n\n#3 three\n#3 CACHED\n")
  }

  @Test("bytes are counted now and then, and at their end")
  func counts() {
    let page = Self.page([
      event(0, 1, .began("ADD http://x/y")),
      event(1, 1, .progress(current: 1_000_000, total: 40_000_000)),
      event(2, 1, .progress(current: 2_000_000, total: 40_000_000)),
      event(7, 1, .progress(current: 20_000_000, total: 40_000_000)),
      event(8, 1, .progress(current: 40_000_000, total: 40_000_000)),
    ])
    #expect(
      page == """
        #1 ADD http://x/y
        #1 1.00MB / 40.0MB
        #1 20.0MB / 40.0MB
        #1 40.0MB / 40.0MB

        """)
  }

  @Test(
    "bars are their last state; escapes are shown on a screen, passed on to a file, never in names")
  func escapes() {
    let events = [
      event(0, 1, .began("RUN <<EOF\nmake\nEOF \u{1B}[2J")),
      event(1, 1, output("10%\r100%\n\u{1B}[2J\u{1B}[31mred\n")),
    ]
    #expect(
      Self.page(events, neutralises: true)
        == "#1 RUN <<EOF make EOF \\x1b[2J\n#1 1.000 100%\n#1 1.000 ^[[2J\u{1B}[31mred\u{1B}[0m\n")
    #expect(Self.page(events).hasSuffix("#1 1.000 \u{1B}[2J\u{1B}[31mred\n"))
  }

  @Test("a step that says nothing has its name told after a while, and not when it is over at once")
  func names() {
    var lines = BuildLines(neutralises: false)
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let first = lines.take(event(0, 1, .began("one")))
    #expect(text(first) == "")
    _ = lines.take(event(0.1, 2, .began("two")))
    let second = lines.take(event(0.2, 2, .finished(.cached)))
    #expect(text(second) == "#2 two\n#2 CACHED\n")
    let early = lines.wait(until: .milliseconds(400))
    #expect(text(early) == "")
    let late = lines.wait(until: .milliseconds(500))
    #expect(text(late) == "\n#1 one\n")
  }

  @Test("at the end nothing is left that waits, not even what is not ended")
  func end() {
    var lines = BuildLines(neutralises: false)
    _ = lines.take(event(0, 1, .began("one")))
    _ = lines.take(event(0, 2, .began("two")))
    _ = lines.take(event(0.2, 2, output("a\nb")))
    _ = lines.take(event(0.3, 1, output("c")))
    let rest = lines.end()
    #expect(
      String(decoding: rest, as: UTF8.self)
        == "#2 ...\n\n#1 one\n#1 0.300 c\n#1 ...\n\n#2 two\n#2 0.200 b\n")
    #expect(lines.end() == [])
  }

  @Test("events of steps that never began are no reason to fail")
  func unknown() {
    #expect(
      Self.page([
        event(0, 7, output("x\n")), event(0, 7, .finished(.done)),
        event(0, 7, .progress(current: 1, total: 2)),
      ]) == "")
  }
}

@Suite("builds as JSON")
struct BuildRecordsTests {
  @Test("are what BuildKit prints as rawjson, one object for each event")
  func records() {
    var records = BuildRecords(began: Timestamp(nanoseconds: 1_700_000_000_000_000_000))
    let texts = [
      event(0, 1, .began("[1/2] RUN make")), event(0.5, 1, output("hi\n")),
      event(0.5, 1, output("oh", isError: true)),
      event(1, 1, .progress(current: 5, total: 10)), event(1, 1, .progress(current: 6, total: 0)),
      event(1.25, 1, .finished(.done)), event(2, 2, .began("x")), event(2, 2, .finished(.cached)),
      event(2, 3, .began("y")), event(3, 3, .finished(.failed("no"))),
      event(2, 4, .began("z")), event(3, 4, .finished(.cancelled)),
    ].map { records.take($0).text() }
    let start = "2023-11-14T22:13:20"
    #expect(
      texts == [
        #"{"vertexes":[{"digest":"step:1","name":"[1/2] RUN make","started":"\#(start)Z"}]}"#,
        #"{"logs":[{"vertex":"step:1","stream":1,"data":"aGkK","timestamp":"\#(start).5Z"}]}"#,
        #"{"logs":[{"vertex":"step:1","stream":2,"data":"b2g=","timestamp":"\#(start).5Z"}]}"#,
        #"{"statuses":[{"id":"[1/2] RUN make","vertex":"step:1","total":10,"current":5,"timestamp":"2023-11-14T22:13:21Z"}]}"#,
        #"{"statuses":[{"id":"[1/2] RUN make","vertex":"step:1","current":6,"timestamp":"2023-11-14T22:13:21Z"}]}"#,
        #"{"vertexes":[{"digest":"step:1","name":"[1/2] RUN make","started":"\#(start)Z","completed":"2023-11-14T22:13:21.25Z"}]}"#,
        #"{"vertexes":[{"digest":"step:2","name":"x","started":"2023-11-14T22:13:22Z"}]}"#,
        #"{"vertexes":[{"digest":"step:2","name":"x","started":"2023-11-14T22:13:22Z","completed":"2023-11-14T22:13:22Z","cached":true}]}"#,
        #"{"vertexes":[{"digest":"step:3","name":"y","started":"2023-11-14T22:13:22Z"}]}"#,
        #"{"vertexes":[{"digest":"step:3","name":"y","started":"2023-11-14T22:13:22Z","completed":"2023-11-14T22:13:23Z","error":"no"}]}"#,
        #"{"vertexes":[{"digest":"step:4","name":"z","started":"2023-11-14T22:13:22Z"}]}"#,
        #"{"vertexes":[{"digest":"step:4","name":"z","started":"2023-11-14T22:13:22Z","completed":"2023-11-14T22:13:23Z","error":"context canceled"}]}"#,
      ])
  }
}

@Suite("builds on a terminal")
struct BuildBoardTests {
  private static let begin = ContinuousClock.now

  private static func board(_ events: [BuildEvent], pull: Bool = false) -> ProgressBoard {
    var board = ProgressBoard()
    if pull {
      _ = board.note(ProgressEvent("Image busybox", "Pulling", .working), at: begin)
      let layer = ProgressEvent("aaaaaaaaaaaa", "Waiting", .working, parent: "Image busybox")
      _ = board.note(layer, at: begin)
    }
    for event in events { _ = board.note(event, at: begin + event.time) }
    return board
  }

  private static func frame(
    _ events: [BuildEvent], pull: Bool = false, columns: Int = 50, rows: Int = 24,
    coloured: Bool = false, isLast: Bool = false
  ) -> [String] {
    board(events, pull: pull).frame(
      at: begin + .seconds(3), columns: columns, rows: rows, title: "build",
      style: Style(coloured: coloured), isLast: isLast
    ).map(\.text)
  }

  private static let lines = (1...9).map { "line \($0)\n" }.joined()

  private static let middle = [
    event(0, 1, .began("[web 1/4] FROM busybox")), event(0, 1, .finished(.cached)),
    event(0, 2, .began("[web 2/4] COPY . /src")), event(1.5, 2, .finished(.done)),
    event(1.5, 3, .began("[web 3/4] RUN make")), event(2, 3, output(lines + "50%\r70%")),
    event(2, 4, .began("[db 1/1] ADD http://x/y")),
    event(2, 4, .progress(current: 1_200_000, total: 5_000_000)),
  ]

  @Test("what goes on shows its last lines, what is over is one line")
  func middle() {
    #expect(
      Self.frame(Self.middle, pull: true) == [
        "[+] build 2/6",
        " ⠋ Image busybox [⠀] Pulling                 3.0s",
        "   ⠋ aaaaaaaaaaaa Waiting                    3.0s",
        " ✔ CACHED [web 1/4] FROM busybox             0.0s",
        " ✔ [web 2/4] COPY . /src                     1.5s",
        " ⠴ [web 3/4] RUN make                        1.5s",
        "   │ line 5", "   │ line 6", "   │ line 7", "   │ line 8", "   │ line 9", "   │ 70%",
        " ⠋ [db 1/1] ADD http://x/y 1.20MB / 5.00MB   1.0s",
      ])
  }

  @Test("what failed keeps its lines, in the last frame none has any")
  func failure() {
    let end = [
      event(2.5, 3, .finished(.failed("make exited with code 2"))),
      event(2.5, 4, .finished(.cancelled)),
    ]
    #expect(
      Self.frame(Self.middle + end).suffix(8) == [
        " ✘ ERROR [web 3/4] RUN make                  1.0s",
        "   │ line 5", "   │ line 6", "   │ line 7", "   │ line 8", "   │ line 9", "   │ 70%",
        " ! CANCELED [db 1/1] ADD http://x/y          0.5s",
      ])
    #expect(
      Self.frame(Self.middle + end, isLast: true).suffix(2) == [
        " ✘ ERROR [web 3/4] RUN make                  1.0s",
        " ! CANCELED [db 1/1] ADD http://x/y          0.5s",
      ])
  }

  @Test("the last words of what failed stay: twenty lines, uncut")
  func lastWords() {
    let long = String(repeating: "x", count: 300)
    let many = (1...30).map { "line \($0)\n" }.joined() + long + "\u{1B}[2J"
    let board = Self.board([
      event(0, 1, .began("[1/2] RUN make")), event(1, 1, output(many)),
      event(2, 1, .finished(.failed("no"))),
      event(2, 2, .began("[2/2] RUN silent")), event(2, 2, .finished(.failed("no"))),
    ])
    func words(_ board: ProgressBoard) -> String {
      let style = Style(coloured: false)
      return String(
        decoding: Progress.lastWords(of: board.failed, style: style, neutralised: true),
        as: UTF8.self)
    }
    let kept = (12...30).map { "line \($0)\n" }.joined()
    #expect(words(board) == "------\n > [1/2] RUN make:\n\(kept)\(long)^[[2J\n------\n")
    #expect(words(Self.board(Self.middle)) == "")
  }

  @Test("every width is kept, and every height", arguments: [1, 2, 5, 12, 39, 40, 41, 80, 200])
  func sizes(columns: Int) {
    let wide = [
      event(0, 9, .began("[x 1/1] RUN 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字")),
      event(0, 9, output("漢字\t漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\n")),
    ]
    for rows in 1...30 {
      let lines = Self.board(Self.middle + wide, pull: true).frame(
        at: Self.begin + .seconds(12_345), columns: columns, rows: rows, title: "build",
        style: Style(coloured: true))
      #expect(lines.allSatisfy { $0.width < max(2, columns) })
      #expect(lines.count <= max(2, rows - 1))
    }
  }

  @Test("a low terminal: first all that goes on, then its lines, then what is over")
  func low() {
    #expect(
      Self.frame(Self.middle, columns: 39, rows: 8) == [
        "[+] build 2/4", " ⠴ [web 3/4] RUN make", "   │ line 8", "   │ line 9", "   │ 70%",
        " ⠋ [db 1/1] ADD http://x/y 1.20MB / 5…", " ... 2 more",
      ])
  }

  @Test("lines of programs are dim, without colours of their own")
  func colours() {
    let frame = Self.frame(
      [event(0, 1, .began("RUN x")), event(1, 1, output("\u{1B}[31mred\n"))], coloured: true)
    #expect(frame.last == "\u{1B}[2m   │ red\u{1B}[0m")
  }

  @Test("much output at once leaves its end")
  func flood() {
    let flood = (1...20_000).map { "line \($0)\n" }.joined()
    let frame = Self.frame([
      event(0, 1, .began("RUN x")), event(1, 1, output("part")), event(1, 1, output(flood)),
    ])
    #expect(frame.suffix(2) == ["   │ line 19999", "   │ line 20000"])
  }
}
