// Keys that leave an attached container.

import Console
import Testing

@Suite("detach keys are found in what is typed, and nothing else is lost")
struct DetachKeysTests {
  @Test(
    "words for keys", arguments: ["a", "ctrl-p,ctrl-q", "ctrl-@", "ctrl-[,x", "ctrl-_", ""])
  func accepted(_ text: String) { #expect(DetachKeys(text) != nil) }

  @Test(
    "what names no key",
    arguments: ["ab", "ctrl-", "ctrl-1", "ctrl-P", ",", "a,", "ctrl-pq", "alt-a", "é"])
  func refused(_ text: String) { #expect(DetachKeys(text) == nil) }

  @Test("keys that come in pieces are held back until it is clear what they are")
  func pieces() throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    #expect(keys.pass([0x61, 0x10]) == ([0x61], false))
    #expect(keys.pass([0x62]) == ([0x10, 0x62], false))
    #expect(keys.pass([0x10, 0x10]) == ([0x10], false))
    #expect(keys.pass([0x11, 0x63]) == ([], true))
  }

  @Test("no keys pass all on")
  func none() throws {
    var keys = try #require(DetachKeys(""))
    #expect(keys.pass([0x10, 0x11]) == ([0x10, 0x11], false))
  }
}
