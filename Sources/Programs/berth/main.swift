// The door of the command: everything is in `Commands`.

import Commands

prepareProcess()
await runCommandLine(Array(CommandLine.arguments.dropFirst()))
