// `--chmod`, in numbers and in letters.

import Diagnostics
import Dockerfile
import Testing

@Suite("A mode change does what chmod does, without a umask")
struct ModeChangeTests {
  @Test(
    "of files",
    arguments: [
      ("644", 0o777, 0o644), ("0", 0o777, 0), ("0755", 0o4600, 0o755), ("7421", 0, 0o7421),
      ("4755", 0o644, 0o4755), ("00644", 0o1777, 0o644),
      ("=", 0o777, 0), ("+", 0o421, 0o421), ("-", 0o421, 0o421), ("+t", 0o421, 0o1421),
      ("-t", 0o1421, 0o421), ("u+r", 0, 0o400), ("u+w", 0, 0o200), ("u+x", 0, 0o100),
      ("u+s", 0, 0o4000), ("g+r", 0, 0o040), ("g+w", 0, 0o020), ("g+x", 0, 0o010),
      ("g+s", 0, 0o2000), ("o+r", 0, 0o004), ("o+x", 0, 0o001), ("o+s", 0, 0), ("o+t", 0, 0),
      ("+r", 0, 0o444), ("+w", 0, 0o222), ("+x", 0, 0o111), ("+s", 0, 0o6000), ("a+s", 0, 0o6000),
      ("-r", 0o777, 0o333), ("-w", 0o777, 0o555), ("-x", 0o777, 0o666), ("-s", 0o6777, 0o777),
      ("u-x", 0o777, 0o677), ("u-s", 0o4777, 0o777), ("g-w", 0o775, 0o755), ("a+x", 0o644, 0o755),
      ("u=rw", 0o777, 0o677), ("u=", 0o777, 0o077), ("u=rw", 0o4777, 0o677),
      ("=rw", 0o777, 0o666), ("a=rx", 0o1777, 0o1555), ("a=rx", 0o6777, 0o555),
      ("u=g", 0o742, 0o442), ("u=g-w", 0o762, 0o462), ("u=g-w", 0o772, 0o572),
      ("u+o", 0o021, 0o121), ("u+g", 0o021, 0o221), ("u+go", 0o021, 0o321), ("u+uo", 0o011, 0o111),
      ("g=u", 0o750, 0o770), ("go=u", 0o740, 0o777), ("g=u", 0o4700, 0o4770), ("-u", 0o111, 0),
      ("o=u-w", 0o640, 0o644), ("u=ro", 0o001, 0o501), ("g-u", 0o770, 0o700),
      ("a=r,ug=rw,u+x", 0o777, 0o764), ("o+r,g+w,a+t,g-s,u+og", 0o2100, 0o1724),
      ("u=rwx,go=rx", 0, 0o755), ("u=rwx,go=u-w", 0, 0o755), ("go=", 0o777, 0o700),
      ("go-w", 0o777, 0o755), ("go=u-w", 0o370, 0o311), ("u+w-x", 0o500, 0o600),
      ("ug=rw,o=", 0o777, 0o660), ("uuu+r", 0, 0o400), ("u=rws", 0, 0o4600),
    ] as [(String, UInt32, UInt32)])
  func files(text: String, mode: UInt32, expected: UInt32) throws {
    #expect(try ModeChange(text).applied(to: mode, isFolder: false) == expected)
  }

  @Test(
    "`X` is for folders and for what somebody may execute already",
    arguments: [
      ("u+X", 0, false, 0), ("u+X", 0o001, false, 0o101), ("u+X", 0, true, 0o100),
      ("g+X", 0o100, false, 0o110), ("+X", 0o010, false, 0o111), ("+X", 0, true, 0o111),
      ("u=rwX,go=rX", 0o600, false, 0o644), ("u=rwX,go=rX", 0o700, false, 0o755),
      ("u=rwX,go=rX", 0o600, true, 0o755), ("a=X", 0o640, false, 0), ("a=X", 0o640, true, 0o111),
      ("=rw,+X", 0o766, false, 0o777), ("=rw,+X", 0o666, false, 0o666), ("-X", 0o644, false, 0o644),
      ("a-X", 0o755, true, 0o644), ("a-x+X", 0o755, false, 0o755), ("a=r,u+X", 0o711, false, 0o544),
      ("755", 0o600, true, 0o755), ("644", 0o755, true, 0o644),
    ] as [(String, UInt32, Bool, UInt32)])
  func conditional(text: String, mode: UInt32, isFolder: Bool, expected: UInt32) throws {
    #expect(try ModeChange(text).applied(to: mode, isFolder: isFolder) == expected)
  }

  @Test("what kind of file it is stays as it is")
  func kind() throws {
    #expect(try ModeChange("644").applied(to: 0o100755, isFolder: false) == 0o100644)
    #expect(try ModeChange("go=").applied(to: 0o040755, isFolder: true) == 0o040700)
  }

  @Test(
    "what is no mode",
    arguments: [
      ("", .empty), ("9", .notOctal), ("0o755", .notOctal), ("75x", .notOctal),
      ("17777", .tooLarge), ("77777777777777777777", .tooLarge), (",", .missingAction),
      ("u", .missingAction), ("go", .missingAction), ("u+r,", .missingAction),
      (",u+r", .missingAction), ("q+r", .unknownCharacter(UInt8(ascii: "q"))),
      ("u+z", .unknownCharacter(UInt8(ascii: "z"))), ("rw", .unknownCharacter(UInt8(ascii: "r"))),
      ("u+r ,g+w", .unknownCharacter(UInt8(ascii: " "))), ("u+é", .unknownCharacter(0xC3)),
      ("u+7", .unknownCharacter(UInt8(ascii: "7"))),
      (String(repeating: "u+r,", count: 1_000) + "u+r", .tooLong),
      ("u+" + String(repeating: "g", count: 1_000), .tooLong),
    ] as [(String, ModeFault)])
  func refused(text: String, fault: ModeFault) {
    #expect(throws: fault) { try ModeChange(text) }
    #expect(fault.diagnostics.first?.summary.hasPrefix("not a mode: ") == true)
  }

  @Test("no letters make it trap, and no bits but those of modes appear")
  func anyLetters() {
    var dice = Dice(seed: 3)
    let letters = bytes("ugoa+-=rwxXst,7")
    var taken = 0
    for _ in 0..<20_000 {
      let text = String(
        decoding: (0..<dice.below(9)).map { _ in dice.pick(letters) }, as: UTF8.self)
      // Most are no modes; that they are refused without a trap is all that is asked of them.
      guard let change = try? ModeChange(text) else { continue }
      taken += 1
      let mode = UInt32(dice.below(0o10000))
      #expect(change.applied(to: mode, isFolder: false) <= 0o7777)
    }
    #expect(taken > 500)
  }
}
