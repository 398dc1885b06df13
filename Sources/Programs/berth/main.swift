// The door of the command: everything is in `Commands`.

import Commands

await runCommandLine(Array(CommandLine.arguments.dropFirst()))
