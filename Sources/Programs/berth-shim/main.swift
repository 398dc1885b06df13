// The supervisor of one container, `exec` and `cp` into one, and what copies files into layers of images.

import Blueprint
import Glibc
import Layering
import Supervision

let words = CommandLine.unsafeArgv
let arguments = (1..<max(1, Int(CommandLine.argc))).compactMap { index in
  words[index].map { word in
    Bytes(UnsafeBufferPointer(start: word, count: strlen(word)).map { UInt8(bitPattern: $0) })
  }
}
if arguments.count == 1, arguments[0].text == "layer" { exit(layerMain()) }
exit(shimMain(arguments))
