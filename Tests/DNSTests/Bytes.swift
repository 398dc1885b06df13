// Messages as bytes, written down piece by piece.

import DNS

/// A question as it stands in a message: `web` becomes 3 w e b 0, then type and class.
func question(_ labels: [String], _ type: UInt16 = 1, _ recordClass: UInt16 = 1) -> [UInt8] {
  labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0] + pair(type) + pair(recordClass)
}

func pair(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

func header(
  id: UInt16 = 0xBEEF, flags: UInt16 = 0x0100, questions: UInt16 = 1, answers: UInt16 = 0,
  authorities: UInt16 = 0, additionals: UInt16 = 0
) -> [UInt8] {
  [id, flags, questions, answers, authorities, additionals].flatMap(pair)
}

/// The record of EDNS: root name, type 41, size in the place of the class, no flags, no options.
func extensionRecord(size: UInt16) -> [UInt8] { [0] + pair(41) + pair(size) + [0, 0, 0, 0, 0, 0] }

func read(_ message: [UInt8]) -> Incoming { Incoming(message.span) }

func asking(_ message: [UInt8]) -> Query? {
  if case .query(let query) = read(message) { query } else { nil }
}
