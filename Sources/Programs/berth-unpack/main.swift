// The door of the child that unpacks one layer.

import Glibc
import Unpacking

exit(unpackMain(Array(CommandLine.arguments.dropFirst())))
