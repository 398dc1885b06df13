// Words become values as docker's small shell makes them (reference E33).

import Diagnostics
import Testing

@testable import Dockerfile

private let variables: [String: String] = [
  "PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "EMPTY": "", "FOO": "xxyy", "X": "x",
  "BLANKS": " a  b ", "PATTERN": #"\*/"#, "PATH2": "/foo*/*/*.txt", "URL": "http://a.de",
  "TWO": "a\nb", "STARS": "a***yy*", "SIGNS": #"()[]{}^$.*?|\x"#, "QUOTE": "it's",
]

private func lookup(_ name: String) -> String? { variables[name] }

private func word(_ text: String) -> Word {
  Word(text, span: SourceSpan(file: "Dockerfile", line: 3, column: 5, length: text.count))
}

private func expanded(_ text: String, escape: UInt8 = 0x5C) -> String {
  do {
    return try Expansion(escape: escape).text(word(text), lookup)
  } catch let faults as Faults {
    return "error: \(faults.diagnostics[0].summary)"
  } catch {
    return "\(error)"
  }
}

@Suite("A word is expanded as a shell does it")
struct ExpansionTests {
  @Test(
    "quotes, escapes and variables",
    arguments: [
      Row("text stays", "hello", "hello"), Row("other scripts stay", "안녕하세요", "안녕하세요"),
      Row("single quotes go", "he'll'o", "hello"), Row("double quotes go", #"he"ll"o"#, "hello"),
      Row("blanks stay in one value", "a  b", "a  b"), Row("an empty word", "", ""),
      Row("empty quotes", "''", ""),
      Row("an escaped quote", #"he\'llo"#, "he'llo"), Row("an escaped sign", #"he\llo"#, "hello"),
      Row("an escaped escape", #"he\\llo"#, #"he\llo"#), Row("an escape at the end", #"he\"#, "he"),
      Row("single quotes keep the escape", #"'he\llo'"#, #"he\llo"#),
      Row("double quotes keep it before signs", #""he\llo""#, #"he\llo"#),
      Row("a quote in double quotes", #""a\"b""#, #"a"b"#),
      Row("single in double quotes", #""it's""#, "it's"),
      Row("a variable", "he$PWD", "he/home"), Row("one in braces", "he${PWD}x", "he/homex"),
      Row("an escaped variable", #"he\$PWD"#, "he$PWD"),
      Row("an escaped escape before one", #"he\\$PWD"#, #"he\/home"#),
      Row("in single quotes", "'$PWD'", "$PWD"), Row("in double quotes", "\"$PWD\"", "/home"),
      Row("escaped in double quotes", #""\$PWD""#, "$PWD"),
      Row("one that is not set", "a${NO}b$NO", "ab"), Row("a lone sign", "he$.x", "he$.x"),
      Row("the sign at the end", "he$", "he$"), Row("a digit", "he$1x", "hex"),
      Row("a parameter of shells", "a$@b$$c$?", "abc"),
      Row("its name ends at a dot", "$PWD.", "/home."),
      Row("a name of other letters", "$KOREAN안", ""), Row("beside them", "안$KOREAN", "안한국어"),
      Row("a quote in a value stays", "$QUOTE", "it's"),
      Row("an escaped brace", #"\${PWD}"#, "${PWD}"),
    ])
  func plain(_ row: Row) { #expect(expanded(row.text) == row.expected) }

  @Test(
    "modifiers",
    arguments: [
      Row("a default unused", "${PWD:-no}", "/home"), Row("a default", "${NO:-yes}", "yes"),
      Row("a default of an empty one", "${EMPTY:-yes}", "yes"),
      Row("without a colon", "${EMPTY-yes}", ""), Row("unset without a colon", "${NO-yes}", "yes"),
      Row("an empty default", "${NO:-}", ""), Row("a variable in it", "${NO:-$PWD}", "/home"),
      Row("nested", "${NO:-${NONE:-${PWD}a}}xx", "/homeaxx"),
      Row("quotes in it", "${NO:-\"a b\"}", "a b"),
      Row("an escaped brace in it", #"${NO:-a\}b}"#, "a}b"),
      Row("an escaped variable in it", #"${NO:-\$PWD:}x"#, "$PWD:x"),
      Row("another value", "${PWD:+yes}", "yes"), Row("of an unset one", "${NO:+yes}", ""),
      Row("of an empty one", "${EMPTY:+yes}", ""), Row("without a colon", "${EMPTY+yes}", "yes"),
      Row("demanded and there", "${PWD:?no}", "/home"), Row("empty is set", "${EMPTY?no}", ""),
      Row("demanded", "${NO:?please set $X}", "error: NO: please set x"),
      Row("demanded without words", "${NO?}", "error: NO: is not allowed to be unset"),
      Row("empty but demanded", "${EMPTY:?}", "error: EMPTY: is not allowed to be empty"),
      Row("shortest beginning", "${FOO#*x}", "xyy"), Row("longest beginning", "${FOO##*x}", "yy"),
      Row("a beginning of two", "${FOO#*x*y}", "y"), Row("nothing", "${FOO#*}", "xxyy"),
      Row("all", "${FOO##*}", ""), Row("an empty pattern", "${FOO#}", "xxyy"),
      Row("of a variable", "${FOO#$X}", "xyy"), Row("no match", "${FOO#y}", "xxyy"),
      Row("shortest end", "${FOO%y*}", "xxy"), Row("longest end", "${FOO%%y*}", "xx"),
      Row("an end that is not there", "${FOO%x}", "xxyy"),
      Row("an escaped star", #"${STARS%%\**\*}"#, "a"), Row("any sign", "${FOO#?x}", "yy"),
      Row("signs of regular expressions", #"${SIGNS#()[]{\}^$.\*\?|\\}"#, "x"),
      Row("a star stops at a line end", "${TWO#*b}", "a\nb"),
      Row("replaced once", "${PATH2/$PATTERN/.}", "/foo.*/*.txt"),
      Row("replaced always", "${PATH2//$PATTERN/.}", "/foo..*.txt"),
      Row("greedy", "${FOO/x*y/-}", "-"), Row("removed", "${FOO//x/}", "yy"),
      Row("a url", "${URL/http:\\/\\//https://}", "https://a.de"),
      Row("an escaped slash", #"${PATH2/\/foo/a}"#, "a*/*/*.txt"),
      Row("an empty pattern replaced", "${FOO/$EMPTY/ww}", "wwxxyy"),
      Row("everywhere", "${FOO//$EMPTY/-}", "-x-x-y-y-"), Row("of an unset one", "${NO///}", ""),
      Row("with a colon before a pattern", "${FOO:#x}", "xyy"),
    ])
  func modifiers(_ row: Row) { #expect(expanded(row.text) == row.expected) }

  @Test(
    "what cannot be read",
    arguments: [
      Row("a brace", "${PWD", "a `${` has no `}`"),
      Row("a brace alone", "a${", "a `${` has no `}`"),
      Row("a default", "${PWD:-", "a `${` has no `}`"),
      Row("nothing in it", "${}", "bad substitution: a `${` has no name behind it"),
      Row("a colon first", "${:a}", "bad substitution: a `${` has no name behind it"),
      Row("two braces", "${{a}", "bad substitution: a `${` has no name behind it"),
      Row("a slash first", "${/a/b}", "bad substitution: a `${` has no name behind it"),
      Row("assigned", "${FOO=a}", "unsupported modifier (=) in substitution"),
      Row("cut", "${FOO:1}", "unsupported modifier (:1) in substitution"),
      Row("upper case", "${FOO^^}", "unsupported modifier (^) in substitution"),
      Row("half replaced", "${FOO//ww}", "a `${` has no `}`"),
      Row("a single quote", "don't", "a single quote is not closed"),
      Row("a double quote", "a\"", "a double quote is not closed"),
      Row(
        "an escape in a pattern", #"${FOO#\x}"#,
        "invalid escape `\\x` in a pattern of a substitution"),
    ])
  func refused(_ row: Row) { #expect(expanded(row.text) == "error: " + row.expected) }

  @Test("the other escape sign")
  func backquote() {
    #expect(expanded(#"a`$PWD\$PWD"#, escape: 0x60) == #"a$PWD\/home"#)
    #expect(expanded(#""`"\""#, escape: 0x60) == #""\"#)
  }

  @Test("a fault has the word's place and a hint")
  func place() {
    let fault = #expect(throws: Faults.self) { try Expansion().text(word("${a"), lookup) }
    #expect(fault?.diagnostics.first?.span?.line == 3)
    #expect(fault?.diagnostics.first?.hint == "close it, or write `\\$` for the sign itself")
  }

  @Test(
    "words are split at blanks that are not quoted",
    arguments: [
      Row("two", "hello there", "hello|there"), Row("blanks around", "  a b  ", "a|b"),
      Row("quoted", "'a b' c", "a b|c"), Row("escaped", #"a\ b c"#, "a b|c"),
      Row("of a variable", "x$BLANKS", "x|a|b"),
      Row("of a quoted variable", "\"$BLANKS\"", " a  b "),
      Row("joined", "a'b'\"c\"d", "abcd"), Row("empty quotes vanish", "'' a", "a"),
      Row("nothing", "$EMPTY", ""), Row("a default with blanks", "${NO:-a b} c", "a|b|c"),
    ])
  func words(_ row: Row) throws {
    #expect(try Expansion().words(word(row.text), lookup).joined(separator: "|") == row.expected)
  }

  @Test(
    "names of variables",
    arguments: [
      Row("none", "a", ""), Row("each once", "$A${B}$A", "A,B"),
      Row("in defaults", "${A:-${B:-$C}}", "B,A,C"), Row("no parameters", "$1$@${A}", "A"),
      Row("not in single quotes", "'$A' \"$B\"", "B"), Row("not escaped", #"\$A$B"#, "B"),
      Row("in patterns", "${A#$B} ${C/$D/$E}", "A,B,C,D,E"), Row("demanded", "${A:?$B}", "A,B"),
      Row("before a fault", "$A ${B", "A"),
    ])
  func names(_ row: Row) {
    let names = Expansion().usedVariables(in: word(row.text))
    #expect(names.sorted() == row.expected.split(separator: ",").map(String.init).sorted())
  }

  @Test(
    "here-documents keep their quotes",
    arguments: [
      Row("quotes", "\"a\" it's $X\n", "\"a\" it's x\n"), Row("an escaped variable", "\\$X", "$X"),
      Row("an escaped escape", "\\\\n", "\\n"), Row("an escaped line end", "a\\\nb", "a\nb"),
    ])
  func documents(_ row: Row) throws {
    var document = HereDocument(
      name: "EOF", content: row.text, expands: true, stripsTabs: false)
    #expect(try Expansion(escape: 0x60).document(document, lookup) == row.expected)
    document.expands = false
    #expect(try Expansion().document(document, lookup) == row.text)
  }

  @Test("bounds")
  func bounds() throws {
    let deep = String(repeating: "${A:-", count: 60) + String(repeating: "}", count: 60)
    #expect(expanded(deep) == "")
    let deeper = String(repeating: "${A:-", count: 64) + String(repeating: "}", count: 64)
    #expect(expanded(deeper).hasPrefix("error: variables stand more than 64 levels deep"))
    let long = String(repeating: "l", count: 1 << 20)
    #expect(try Expansion().text(word("$A"), { _ in long }).utf8.count == 1 << 20)
    for bomb in ["$A$A", "${B+$A}${B+$A}", "${A/l/$A}", "${A//l/ll}"] {
      let fault = #expect(throws: Faults.self) {
        try Expansion().text(word(bomb), { $0 == "A" ? long : nil })
      }
      #expect(
        fault?.diagnostics.first?.summary
          == "variables make the value grow by more than 1048576 bytes")
    }
    let slow = #expect(throws: Faults.self) {
      try Expansion().text(word("${A//*l*l*l*x/}"), { _ in long })
    }
    #expect(
      slow?.diagnostics.first?.summary
        == "a pattern of a substitution takes too long on so long a value")
  }
}
