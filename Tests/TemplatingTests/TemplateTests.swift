// Templates row by row: what is written, what comes out, and where the fault is in one that is wrong.

import JSON
import Templating
import Testing

private let row = TemplateSubject(
  [
    "Name": "shop-web-1", "State": "running", "ExitCode": 0, "Size": 1536, "Share": .number(0.25),
    "Networks": ["back", "front"], "Empty": [], "Labels": ["b": "2", "a": "1"], "Nothing": .null,
    "Publishers": [
      ["URL": "0.0.0.0", "PublishedPort": 8080], ["URL": "::", "PublishedPort": 8080],
    ], "Up": true, "Blank": "", "Quoted": "say \"<hi>\"",
  ], methods: ["Label": { $0 == "tier" ? "front" : "" }])

extension JSONValue {
  fileprivate static func number(_ value: Double) -> JSONValue {
    JSONNumber(value).map { .number($0) } ?? .null
  }
}

@Suite("A template")
struct TemplateTests {
  @Test(
    "is filled in",
    arguments: [
      ("plain text", "plain text"),
      ("{{.Name}}", "shop-web-1"),
      ("{{ .Name }}: {{.State}}", "shop-web-1: running"),
      (#"a\tb\nc\x"#, "a\tb\nc\\x"),
      ("{{.ExitCode}} {{.Share}} {{.Up}}", "0 0.25 true"),
      ("{{.Networks}} {{.Labels}} {{.Nothing}}", "[back front] map[a:1 b:2] <no value>"),
      ("{{$.Name}}{{with .Networks}}{{$.State}}{{end}}", "shop-web-1running"),
      ("{{/* nothing */}}x{{- /* nothing */ -}} y", "xy"),
      ("a  {{- .State -}}  b", "arunningb"),
      ("a {{.State}} b", "a running b"),
      ("{{-1}} {{- 2}}", "-12"),
      (#"{{"tab\tquote\" \x41\u00e4"}}{{`raw\t`}}{{'a'}}"#, "tab\tquote\" Aäraw\\t97"),
      (#"{{.Label "tier"}}|{{.Label "none"}}|{{$.Label "tier"}}"#, "front||front"),
      (#"{{"tier" | .Label}}"#, "front"),
    ])
  func filled(_ template: String, _ wanted: String) throws {
    #expect(try Template(parsing: template).fill(row) == wanted)
  }

  @Test(
    "chooses and repeats",
    arguments: [
      ("{{if .Up}}a{{else}}b{{end}}", "a"),
      ("{{if .Blank}}a{{else}}b{{end}}", "b"),
      ("{{if .Blank}}a{{else if eq .State \"running\"}}b{{else}}c{{end}}", "b"),
      ("{{if .ExitCode}}failed{{end}}", ""),
      ("{{with .State}}[{{.}}]{{end}}", "[running]"),
      ("{{with .Blank}}a{{else with .State}}{{.}}{{else}}c{{end}}", "running"),
      ("{{with $x := .State}}{{$x}}{{end}}", "running"),
      ("{{range .Networks}}<{{.}}>{{end}}", "<back><front>"),
      ("{{range $i, $n := .Networks}}{{if $i}}, {{end}}{{$n}}{{end}}", "back, front"),
      ("{{range $n := .Networks}}{{$n}};{{end}}", "back;front;"),
      ("{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "),
      ("{{range .Empty}}x{{else}}none{{end}}", "none"),
      ("{{range 3}}{{.}}{{end}}", "012"),
      ("{{range .Networks}}{{.}}{{break}}{{end}}", "back"),
      ("{{range .Networks}}{{if eq . \"back\"}}{{continue}}{{end}}{{.}}{{end}}", "front"),
      ("{{range .Publishers}}{{.URL}}:{{.PublishedPort}} {{end}}", "0.0.0.0:8080 :::8080 "),
      ("{{$x := 1}}{{if .Up}}{{$x = 2}}{{end}}{{$x}}", "2"),
      ("{{$x := 1}}{{if .Up}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
    ])
  func chosen(_ template: String, _ wanted: String) throws {
    #expect(try Template(parsing: template).fill(row) == wanted)
  }

  @Test(
    "calls functions",
    arguments: [
      ("{{json .Networks}} {{json .Quoted}}", #"["back","front"] "say \"<hi>\"""#),
      ("{{json .Labels.a}}{{json .Nothing}}", #""1"null"#),
      (#"{{join .Networks ", "}}"#, "back, front"),
      (#"{{.Networks | len}} {{len .Name}}"#, "2 10"),
      (#"{{split .Name "-"}}"#, "[shop web 1]"),
      (#"{{index (split .Name "-") 1}}"#, "web"),
      (#"{{index .Labels "b"}}{{index .Labels "z"}}"#, "2<no value>"),
      (#"{{index .Publishers 0 "URL"}}"#, "0.0.0.0"),
      (#"{{(index .Publishers 1).URL}}"#, "::"),
      ("{{upper .State}}{{lower \"ÄB\"}}{{title \"two words\"}}", "RUNNINGäbTwo Words"),
      ("[{{pad .State 1 2}}][{{pad .Blank 1 2}}]", "[ running  ][]"),
      ("{{truncate .Name 4}}{{truncate .State 99}}", "shoprunning"),
      ("{{slice .Name 0 4}} {{slice .Networks 1}}", "shop [front]"),
      ("{{print .Name 1 2 \"x\"}}|{{println .Name 1}}", "shop-web-11 2x|shop-web-1 1\n"),
      ("{{eq .State \"paused\" \"running\"}}{{ne 1 2}}{{lt 1 2}}{{ge 2 2}}", "truetruetruetrue"),
      ("{{lt \"a\" \"b\"}}{{gt .Share 1}}{{le 1 0}}{{eq .Nothing 1}}", "truefalsefalsefalse"),
      ("{{and .Up .Name}} {{or .Blank .State}} {{not .Up}}", "shop-web-1 running false"),
      ("{{or .Up (index .Networks 99)}}", "true"),
      ("{{printf \"%-12s|%5d|%05d|%+d\" .Name 7 -7 7}}", "shop-web-1  |    7|-0007|+7"),
      (
        "{{printf \"%q %v %t %x %X %5.1f%%\" .State .Networks .Up 255 \"hi\" .Share}}",
        "\"running\" [back front] true ff 6869   0.3%"
      ),
      ("{{printf \"%.3s|%*d|%c\" .State 4 1 65}}", "run|   1|A"),
      ("{{printf \"%d %s\" .Name}}", "%!d(string=shop-web-1) %!s(MISSING)"),
      ("{{printf \"x\" 1}}{{printf \"%\"}}", "x%!(EXTRA int=1)%!(NOVERB)"),
    ])
  func called(_ template: String, _ wanted: String) throws {
    #expect(try Template(parsing: template).fill(row) == wanted)
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    var template: String
    var message: String
    /// In scalars from the beginning.
    var position: Int

    init(_ template: String, _ message: String, _ position: Int) {
      self.template = template
      self.message = message
      self.position = position
    }

    var testDescription: String { template }
  }

  @Test(
    "is refused with the place of its fault",
    arguments: [
      Wrong("{{.Name", "`{{` is not closed", 0),
      Wrong("{{}}", "a value is missing here", 0),
      Wrong("ä {{.Name | }}", "a value is missing here", 10),
      Wrong("{{foo .Name}}", "unknown function `foo` in the template", 2),
      Wrong("{{Name}}", "unknown function `Name` in the template", 2),
      Wrong("{{if .Up}}x", "a block that begins here has no `{{end}}`", 0),
      Wrong("{{end}}", "`{{end}}` ends nothing", 0),
      Wrong("{{else}}", "`{{else}}` belongs to nothing", 0),
      Wrong("{{if .Up}}{{else}}{{else}}{{end}}", "a block that begins here has no `{{end}}`", 0),
      Wrong("{{break}}", "`break` stands in no `range`", 0),
      Wrong("{{\"open}}", "a string is not ended", 2),
      Wrong("{{\"\\z\"}}", "unknown escape `\\z` in a string", 3),
      Wrong("{{(.Name}}", "`(` is not closed", 2),
      Wrong("{{.Name)}}", "`}}` is missing before this", 7),
      Wrong("{{1 2}}", "a value that is no function takes no arguments", 2),
      Wrong("{{$x}}", "unknown variable `$x`", 2),
      Wrong("{{.Nmae}}", "unknown field `.Nmae` in the template", 2),
      Wrong("{{if .Up}}{{.Labels.c}}{{end}}", "unknown field `.c` in the template", 19),
      Wrong("{{.Name.First}}", "`.First` is asked of a value that has no fields", 7),
      Wrong("{{.Name 1}}", "`.Name` takes no arguments", 2),
      Wrong("{{.Label}}", "`.Label` needs a name behind it: `.Label \"NAME\"`", 2),
      Wrong("{{len .Up}}", "`len` cannot count a truth value", 2),
      Wrong("{{eq .Name 1}}", "`eq` cannot compare a string with a number", 2),
      Wrong("{{index .Networks 2}}", "`index` finds no place 2 in a list of 2", 2),
      Wrong("{{join .Name}}", "`join` takes two arguments, not 1", 2),
      Wrong("{{range .Name}}{{end}}", "`range` needs a list or a map", 8),
      Wrong("{{pad .Name 1 99999999}}", "`pad` pads by 0 to 10000", 2),
      Wrong("{{printf \"%99999999d\" 1}}", "`printf` writes no wider than 10000", 2),
      Wrong("{{define \"x\"}}{{end}}", "`define` is not supported in templates", 2),
      Wrong("{{1x}}", "`1x` is no number", 2),
      Wrong("{{.Name ; 1}}", "unexpected `;` in the template", 8),
    ])
  func refused(_ wrong: Wrong) throws {
    let fault = #expect(throws: TemplateFault.self) {
      try Template(parsing: wrong.template).fill(row)
    }
    #expect(fault?.message == wrong.message)
    #expect(fault?.position == wrong.position)
  }

  @Test("knows the nearest field and function")
  func hints() {
    func hint(_ template: String) -> String? {
      #expect(throws: TemplateFault.self) { try Template(parsing: template).fill(row) }?.hint
    }
    #expect(hint("{{.Nmae}}") == "did you mean `.Name`?")
    #expect(hint("{{uper .Name}}") == "did you mean `upper`?")
  }

  @Test(
    "does no more than it may",
    arguments: [
      "{{range 1000000}}{{range 1000000}}{{end}}{{end}}",
      "{{range 999}}{{range 999}}{{printf \"%10000d\" 1}}{{end}}{{end}}",
      String(repeating: "{{if .Up}}", count: 100) + String(repeating: "{{end}}", count: 100),
      "{{" + String(repeating: "(", count: 10_000) + "}}",
      String(repeating: "x", count: 100_000),
    ])
  func bounded(_ template: String) {
    #expect(throws: TemplateFault.self) { try Template(parsing: template).fill(row) }
  }
}

@Suite("A template of a listing")
struct ListingTemplateTests {
  private let headings = ["Name": "NAME", "State": "STATE", "Networks": "NETWORKS"]

  private func text(_ format: String, rows: Int = 1) throws -> String {
    try ListingTemplate(format).text(
      rows: Array(repeating: row, count: rows), headings: headings)
  }

  @Test("is written once for each row")
  func rows() throws {
    #expect(try text("{{.Name}}", rows: 2) == "shop-web-1\nshop-web-1\n")
    #expect(try text("{{.Name}}", rows: 0) == "")
  }

  @Test("stands under headings behind `table`")
  func table() throws {
    #expect(
      try text(#"table {{.Name}}\t{{.State}}"#) == """
        NAME         STATE
        shop-web-1   running

        """)
    #expect(try text(#"table {{.State}}\t{{.Name}}"#, rows: 0) == "STATE     NAME\n")
    #expect(
      try text(#"table {{.Label "com.example.cost-centre"}}\t{{upper .State}}"#) == """
        COST CENTRE   STATE
                      RUNNING

        """)
    #expect(
      try text(#"table {{join .Networks ","}}\t{{.State | upper}}"#) == """
        NETWORKS     STATE
        back,front   RUNNING

        """)
  }

  @Test("is refused for a field that no row has, also when there are no rows")
  func unknownField() {
    #expect(throws: TemplateFault.self) { try text("{{.Nmae}}", rows: 0) }
    #expect(throws: TemplateFault.self) { try text("{{if .Name}}{{$.Other}}{{end}}", rows: 0) }
    #expect(throws: Never.self) { try text("{{range .Networks}}{{.}}{{end}}", rows: 0) }
    #expect(throws: Never.self) { try text(#"{{.Label "x"}}"#, rows: 0) }
  }
}
