// The door of the command: everything is in `Commands`.

import Commands

runProcess(CommandLine.arguments)
