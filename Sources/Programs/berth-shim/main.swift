// The supervisor of one container, and `exec` into one.

import Blueprint
import Glibc
import Supervision

let words = CommandLine.unsafeArgv
let arguments = (1..<max(1, Int(CommandLine.argc))).compactMap { index in
  words[index].map { word in
    Bytes(UnsafeBufferPointer(start: word, count: strlen(word)).map { UInt8(bitPattern: $0) })
  }
}
exit(shimMain(arguments))
