// A plan as people and as programs see it.

import Diagnostics
import Engine
import JSON
import Planning
import Testing

@testable import Console

@Suite("a plan is shown thing by thing")
struct PlanTextTests {
  private static let digests = ["a", "b"].map {
    JSONValue.string("sha256:" + String(repeating: $0, count: 64))
  }

  private static let plan = PlanView(
    project: "shop",
    entries: [
      PlanView.Entry(
        change: PlannedChange(
          kind: .network, name: "shop_default", action: .create, cause: "it does not exist")),
      PlanView.Entry(
        change: PlannedChange(
          kind: .container, name: "shop-web-1", service: "web", action: .recreate,
          cause: "its configuration changed"),
        fields: [
          PlanView.Field(
            path: "ports.0", old: "8080:80", new: "8081:80",
            span: SourceSpan(file: "compose.yaml", line: 7, column: 9)),
          PlanView.Field(path: "user", old: "root", new: nil, span: nil),
          PlanView.Field(
            path: "image digest", old: digests[0], new: digests[1],
            span: SourceSpan(file: "compose.yaml", line: 3, column: 12)),
        ]),
      PlanView.Entry(
        change: PlannedChange(
          kind: .container, name: "shop-db-1", service: "db", action: .recreate,
          cause: "its configuration changed"), isRecorded: false),
      PlanView.Entry(
        change: PlannedChange(
          kind: .container, name: "shop-old-1", service: "old", action: .remove,
          cause: "its service is no longer in the project")),
    ],
    kept: [
      PlanView.Entry(
        change: PlannedChange(
          kind: .volume, name: "shop_data", action: .recreate, cause: "it is left as it is"),
        fields: [PlanView.Field(path: "driver", old: "local", new: "other", span: nil)])
    ], orphans: ["shop-gone-1"])

  @Test("as text")
  func plain() {
    #expect(
      text(of: Self.plan, style: Style(coloured: false)) == """
        + network shop_default  create  (it does not exist)
        ~ container shop-web-1  recreate  (its configuration changed)
            ports.0       "8080:80" → "8081:80"                       compose.yaml:7:9
            user          "root" → none
            image digest  sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb   compose.yaml:3:12
        ~ container shop-db-1   recreate  (its configuration changed)
            the earlier configuration is not recorded
        - container shop-old-1  remove  (its service is no longer in the project)
        ! volume shop_data  (it is left as it is)
            driver  "local" → "other"
        ! container shop-gone-1  (an orphan; it is left as it is without --remove-orphans)

        1 to create, 2 to recreate, 1 to remove

        """)
  }

  @Test("in colours the words are the same")
  func coloured() {
    let coloured = text(of: Self.plan, style: Style(coloured: true))
    #expect(coloured.contains("\u{1B}[1;33m~\u{1B}[0m container \u{1B}[1mshop-web-1"))
    #expect(coloured.contains("\u{1B}[31m\"8080:80\"\u{1B}[0m → \u{1B}[32m\"8081:80\""))
    var bare = ""
    var isCode = false
    for character in coloured {
      if character == "\u{1B}" { isCode = true }
      if !isCode { bare.append(character) }
      if character == "m" { isCode = false }
    }
    #expect(bare == text(of: Self.plan, style: Style(coloured: false)))
  }

  @Test("nothing to do")
  func empty() {
    let plan = PlanView(project: "shop", entries: [], kept: [], orphans: [])
    #expect(text(of: plan, style: Style(coloured: false)) == "nothing to do\n")
    #expect(
      json(of: plan).text()
        == #"{"project":"shop","changed":false,"changes":[],"kept":[],"orphans":[],"summary":{}}"#)
  }

  @Test("as an object")
  func document() {
    let value = json(of: Self.plan)
    #expect(value["changed"] == true && value["orphans"] == ["shop-gone-1"])
    #expect(value["summary"] == ["create": 1, "recreate": 2, "remove": 1])
    let changes = value["changes"]?.array ?? []
    #expect(
      changes.first?.text()
        == #"{"kind":"network","name":"shop_default","action":"create","cause":"it does not exist"}"#
    )
    #expect(changes[1]["recorded"] == true && changes[2]["recorded"] == false)
    #expect(changes[1]["service"] == "web")
    let fields = changes[1]["fields"]?.array ?? []
    #expect(
      fields.first?.text()
        == #"{"path":"ports.0","old":"8080:80","new":"8081:80","file":"compose.yaml","line":7,"column":9}"#
    )
    #expect(fields[1].text() == #"{"path":"user","old":"root","new":null}"#)
    #expect(value["kept"]?.array?.first?["name"] == "shop_data")
  }

  @Test("what stands in values cannot act on the terminal")
  func hostile() {
    var plan = Self.plan
    plan.entries[1].fields[0].new = "\u{1B}]0;x\u{7}"
    plan.entries[0].change.name = "a\u{1B}[2Jb"
    let shown = text(of: plan, style: Style(coloured: false))
    #expect(!shown.contains("\u{1B}") && !shown.contains("\u{7}"))
  }
}
