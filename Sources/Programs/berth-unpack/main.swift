// The door of the child that makes one layer of an image: of a blob, or of files that are copied.

import Glibc
import Layering
import Unpacking

let arguments = Array(CommandLine.arguments.dropFirst())
exit(arguments == ["layer"] ? layerMain() : unpackMain(arguments))
