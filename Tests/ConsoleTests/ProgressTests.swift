// The four forms of progress, as text.

import Engine
import JSON
import Testing

@testable import Console

@Suite("progress")
struct ProgressTests {
  private static let image = "Image redis:7"
  private static let begin = ContinuousClock.now

  private static func layer(
    _ id: String, _ status: String, _ phase: ProgressEvent.Phase = .working,
    _ current: UInt64? = nil, _ total: UInt64? = nil
  ) -> ProgressEvent {
    ProgressEvent(id, status, phase, parent: image, current: current, total: total)
  }

  /// A pull in its middle: one layer was there, one comes, one waits.
  private static let middle = [
    ProgressEvent(image, "Pulling", .working),
    layer("aaaaaaaaaaaa", "Already exists", .done),
    layer("bbbbbbbbbbbb", "Pulling fs layer", .working, 0, 40_000_000),
    layer("cccccccccccc", "Pulling fs layer", .working, 0, 10_000_000),
    layer("bbbbbbbbbbbb", "Downloading", .working, 12_300_000, 40_000_000),
  ]

  private static func board(_ events: [ProgressEvent]) -> ProgressBoard {
    var board = ProgressBoard()
    for event in events { _ = board.note(event, at: begin) }
    return board
  }

  private static func frame(
    _ events: [ProgressEvent], columns: Int = 80, rows: Int = 24, after: Duration = .seconds(2),
    coloured: Bool = false
  ) -> [String] {
    board(events).frame(
      at: begin + after, columns: columns, rows: rows, title: "pull",
      style: Style(coloured: coloured)
    ).map(\.text)
  }

  @Test("on a terminal: a mark for each layer, sums, bars and clocks")
  func terminal() {
    #expect(
      Self.frame(Self.middle) == [
        "[+] pull 1/4",
        " ⠋ Image redis:7 [⣿⣀⠀] 12.3MB / 50.0MB Pulling                             2.0s",
        "   ✔ aaaaaaaaaaaa Already exists                                           0.0s",
        "   ⠋ bbbbbbbbbbbb Downloading [=====>              ] 12.3MB/40.0MB         2.0s",
        "   ⠋ cccccccccccc Pulling fs layer                                         2.0s",
      ])
  }

  @Test("what is over has neither sums nor a moving mark")
  func over() {
    let end = [
      Self.layer("bbbbbbbbbbbb", "Pull complete", .done),
      Self.layer("cccccccccccc", "Pull complete", .done),
      ProgressEvent(Self.image, "Pulled", .done),
      ProgressEvent("db", "Skipped", .done, detail: "No image to be pulled"),
      ProgressEvent("Image x", "Error", .error), ProgressEvent("Image y", "Built", .warning),
    ]
    #expect(
      Self.frame(Self.middle + end, columns: 60) == [
        "[+] pull 7/7",
        " ✔ Image redis:7 Pulled                                0.0s",
        "   ✔ aaaaaaaaaaaa Already exists                       0.0s",
        "   ✔ bbbbbbbbbbbb Pull complete                        0.0s",
        "   ✔ cccccccccccc Pull complete                        0.0s",
        " ✔ db            Skipped No image to be pulled         0.0s",
        " ✘ Image x       Error                                 0.0s",
        " ! Image y       Built                                 0.0s",
      ])
  }

  @Test("every width is kept, and every height", arguments: [1, 2, 5, 12, 39, 40, 41, 59, 80, 200])
  func sizes(columns: Int) {
    for rows in [1, 2, 3, 4, 5, 6, 50] {
      let board = Self.board(Self.middle)
      let lines = board.frame(
        at: Self.begin + .seconds(12_345), columns: columns, rows: rows, title: "pull",
        style: Style(coloured: true))
      #expect(lines.allSatisfy { $0.width < max(2, columns) })
      #expect(lines.count <= max(2, rows))
    }
  }

  @Test("a low terminal shows what goes on before what is over, and says what it leaves out")
  func low() {
    #expect(Self.frame(Self.middle, columns: 60, rows: 5).count == 4)
    #expect(!Self.frame(Self.middle, columns: 60, rows: 5).joined().contains("Already exists"))
    #expect(Self.frame(Self.middle, columns: 60, rows: 4).count == 2)
    let many = (1...5).map { ProgressEvent("Container c\($0)", "Started", .done) }
    #expect(
      Self.frame(many, columns: 39, rows: 5) == [
        "[+] pull 5/5", " ✔ Container c1 Started", " ✔ Container c2 Started", " ... 3 more",
      ])
  }

  @Test("colours only where they are wanted")
  func colours() {
    let plain = Self.frame(Self.middle).joined()
    #expect(!plain.contains("\u{1B}"))
    let coloured = Self.frame(Self.middle, coloured: true)
    #expect(coloured[0] == "\u{1B}[1m[+] pull 1/4\u{1B}[0m")
    #expect(coloured[2].hasPrefix("   \u{1B}[32m✔\u{1B}[0m aaaaaaaaaaaa \u{1B}[32mAlready exists"))
  }

  @Test("a frame comes over the one before in one piece, also after the terminal was made narrower")
  func frames() {
    var line = BoardLine()
    line.add("12345678")
    let lines = [line.painted(Style(coloured: false), columns: 80)]
    #expect(
      Progress.frame(lines, over: [], columns: 80)
        == "\u{1B}[?2026h\u{1B}[?25l12345678\u{1B}[K\n\u{1B}[?25h\u{1B}[?2026l")
    #expect(
      Progress.frame(lines, over: [8, 3], columns: 80)
        == "\u{1B}[?2026h\u{1B}[?25l\r\u{1B}[2A12345678\u{1B}[K\n\u{1B}[J\u{1B}[?25h\u{1B}[?2026l")
    #expect(
      Progress.frame(lines, over: [8, 3], columns: 4).hasPrefix(
        "\u{1B}[?2026h\u{1B}[?25l\r\u{1B}[3A"))
  }

  @Test("two images that share a layer do not quarrel over it")
  func shared() {
    var board = Self.board(Self.middle)
    var other = Self.layer("bbbbbbbbbbbb", "Already exists", .done)
    other.parent = "Image other"
    let isNews = board.note(other, at: Self.begin)
    #expect(!isNews)
    #expect(board.isWorking)
  }

  @Test("as lines: each change once, without counts")
  func lines() {
    var board = ProgressBoard()
    let more = Self.layer("bbbbbbbbbbbb", "Downloading", .working, 20_000_000, 40_000_000)
    let skipped = ProgressEvent("db", "Skipped", .done, detail: "No image to be pulled")
    let lines = (Self.middle + [more, skipped]).filter { board.note($0, at: Self.begin) }
      .map { Progress.line($0, dryRun: false) }
    #expect(
      lines == [
        " Image redis:7 Pulling ", " aaaaaaaaaaaa Already exists ",
        " bbbbbbbbbbbb Pulling fs layer ", " cccccccccccc Pulling fs layer ",
        " bbbbbbbbbbbb Downloading ", " db Skipped No image to be pulled ",
      ])
    #expect(
      Progress.line(skipped, dryRun: true)
        == " DRY-RUN MODE -  db Skipped No image to be pulled ")
  }

  @Test("as JSON: one object for each event, with counts")
  func json() {
    let texts = Self.middle.map { Progress.json($0, dryRun: false).text() }
    #expect(
      texts == [
        #"{"id":"Image redis:7","status":"Working","text":"Pulling"}"#,
        #"{"id":"aaaaaaaaaaaa","parent_id":"Image redis:7","status":"Done","text":"Already exists","percent":100}"#,
        #"{"id":"bbbbbbbbbbbb","parent_id":"Image redis:7","status":"Working","text":"Pulling fs layer","total":40000000}"#,
        #"{"id":"cccccccccccc","parent_id":"Image redis:7","status":"Working","text":"Pulling fs layer","total":10000000}"#,
        #"{"id":"bbbbbbbbbbbb","parent_id":"Image redis:7","status":"Working","text":"Downloading","current":12300000,"total":40000000,"percent":30}"#,
      ])
    let skipped = ProgressEvent("db", "Skipped", .done, detail: "No image to be pulled")
    #expect(
      Progress.json(skipped, dryRun: true).text()
        == #"{"dry-run":true,"id":"db","status":"Done","text":"Skipped","details":"No image to be pulled"}"#
    )
  }
}
