// `berth attach`: the streams of a container's own program in front of the user.

import ArgumentParser
import Console
import Engine
import Glibc
import Journal
import Linux

struct AttachCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach",
    abstract: "See what a service says from now on, and type to it",
    discussion: """
      Ends as the container ends, with its exit code. At a terminal the detach keys leave it running.
      """)

  @Option(help: "Keys that leave the container running; empty for none (default: ctrl-p,ctrl-q)")
  var detachKeys: String?
  @Option(help: "Number of the container")
  var index = 0
  @Flag(help: "Do not pass input on")
  var noStdin = false
  @Option(
    help: "Pass signals on: true or false", completion: .list(["true", "false"]))
  var sigProxy = true
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String

  func run() async throws {
    let keys = try await chosenKeys()
    let work = try Invocation.now().open("attach", file: .optional)
    let attachment = try await work.session.attach(
      service: service, index: index, takesInput: !noStdin)
    defer { RawTerminal.restoreIfChanged() }
    let code = try await attach(attachment, keys)
    guard let code else {
      RawTerminal.restoreIfChanged()
      Output.error.line("detached; `\(service)` goes on")
      return
    }
    if code != 0 { throw ExitStatus(code) }
  }

  private func chosenKeys() async throws -> DetachKeys {
    var text = detachKeys
    if text == nil { text = try await configuredDetachKeys(Invocation.now().environment) }
    let chosen = text ?? DetachKeys.standard
    guard let keys = DetachKeys(chosen) else {
      let place = detachKeys == nil ? "`detachKeys` in docker's configuration:" : "--detach-keys"
      throw UsageFault(
        "invalid \(place) `\(chosen)`",
        hint: "write characters or ctrl-a to ctrl-z, parted by commas, such as ctrl-p,ctrl-q")
    }
    return keys
  }

  private func attach(_ attachment: ContainerAttachment, _ keys: DetachKeys) async throws -> Int32?
  {
    let input = attachment.input
    let passesOn = sigProxy
    Signals.handle { signal in
      if signal == SIGWINCH {
        if let input, attachment.hasTerminal { RawTerminal.copySize(to: input.raw) }
      } else if passesOn {
        // It may have ended in the same moment; then there is nobody to signal.
        try? attachment.signal(signal)
      } else {
        attachment.detach()
      }
    }
    defer { Signals.handle(nil) }
    return try await attachment.run {
      guard let input else { return }
      connect(input, attachment, keys)
    } sink: { event in
      guard case .lines(let batches) = event else { return }
      for batch in batches {
        (batch.lines.stream == .error ? Output.error : Output.standard).write(batch.lines.bytes)
      }
    }
  }
}

private func connect(
  _ input: SharedDescriptor, _ attachment: ContainerAttachment, _ keys: DetachKeys
) {
  if attachment.hasTerminal {
    RawTerminal.copySize(to: input.raw)
    RawTerminal.enter()
  }
  // Without a terminal what is piped in may hold any byte: nothing in it is a key.
  pumpInput(
    to: input.raw, until: attachment.hasTerminal ? keys : nil,
    onDetach: { attachment.detach() }, atEnd: { withExtendedLifetime(input) {} })
}
