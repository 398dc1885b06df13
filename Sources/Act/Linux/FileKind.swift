// What a file is, as stat(2) tells it. The numbers are written down: digests of layers are made of them.

import CLinux
import Glibc

package enum FileKind: UInt8, Sendable {
  case file = 0
  case folder = 1
  case link = 2
  case character = 3
  case block = 4
  case fifo = 5
  case socket = 6

  /// - Parameter mode: `st_mode`: inode(7).
  package init(mode: UInt32) {
    self =
      switch mode & 0o170000 {
      case 0o040000: .folder
      case 0o120000: .link
      case 0o020000: .character
      case 0o060000: .block
      case 0o010000: .fifo
      case 0o140000: .socket
      default: .file
      }
  }
}
