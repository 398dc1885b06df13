// A Dockerfile as a value: stages of instructions, each with its place. Words are kept as they were
// written; `Expansion` turns them into values once the variables before them are known.

package import Diagnostics

package struct Dockerfile: Sendable {
  /// The file's name for messages.
  package var name: String
  package var directives: Directives
  /// `ARG` before the first `FROM`, in order.
  package var globalArguments: [ArgumentDeclaration]
  /// In the order of the file; at least one.
  package var stages: [Stage]
  /// What `build --check` reports, in the order of the file; none before `runChecks` has looked.
  package var warnings: [Diagnostic]
  /// Lines that are blank although the line before them goes on.
  package var emptyContinuations: [Int] = []

  package init(
    name: String, directives: Directives, globalArguments: [ArgumentDeclaration],
    stages: [Stage], warnings: [Diagnostic]
  ) {
    self.name = name
    self.directives = directives
    self.globalArguments = globalArguments
    self.stages = stages
    self.warnings = warnings
  }
}

/// The comments before all else that say how the file is to be read.
package struct Directives: Sendable, Hashable {
  /// `docker/dockerfile:1`; nil where none was given.
  package var syntax: Word?
  package var escape: UInt8 = UInt8(ascii: "\\")
  /// Names of checks that are left out; `all` leaves out all of them.
  package var skippedChecks: [String] = []
  /// Names of checks that only run where they are asked for; `all` asks for all of them.
  package var askedChecks: [String] = []
  /// Whether a warning of a check fails the build.
  package var failsOnWarnings = false

  package init() {}
}

/// A piece of the text with its place, before variables are expanded and quotes taken away.
package struct Word: Sendable, Hashable {
  package var text: String
  package var span: SourceSpan

  package init(_ text: String, span: SourceSpan) {
    self.text = text
    self.span = span
  }
}

package struct Stage: Sendable {
  package var index: Int
  /// Lower case; nil where it has none.
  package var name: String?
  /// An image, an earlier stage, a named context or `scratch`; variables are those of global arguments.
  package var base: Word
  package var platform: Word?
  package var instructions: [Instruction]
  /// Of the whole `FROM`.
  package var span: SourceSpan
  /// `FROM`, `AS` and the name as they were typed, for checks of how they are written.
  package var fromKeyword = "FROM"
  package var asKeyword: Word?
  package var typedName: Word?

  package init(
    index: Int, name: String?, base: Word, platform: Word?, instructions: [Instruction],
    span: SourceSpan
  ) {
    self.index = index
    self.name = name
    self.base = base
    self.platform = platform
    self.instructions = instructions
    self.span = span
  }
}

package struct Instruction: Sendable {
  /// Upper case: `RUN`.
  package var name: String
  package var kind: Kind
  /// The instruction as people are shown it: name in upper case, continued lines joined by one blank
  /// where docker joins them, comments gone, here-documents left out but for `<<NAME`.
  package var text: String
  /// Of the first line, from the name on.
  package var span: SourceSpan
  /// Lines of the file, counted from 1.
  package var lines: ClosedRange<Int>
  /// `run`, where the name was typed so.
  package var typedName: String

  package init(
    name: String, kind: Kind, text: String, span: SourceSpan, lines: ClosedRange<Int>
  ) {
    self.name = name
    self.kind = kind
    self.text = text
    self.span = span
    self.lines = lines
    typedName = name
  }

  package enum Kind: Sendable {
    case run(RunInstruction)
    /// `COPY` and `ADD`.
    case copy(CopyInstruction)
    case environment([Assignment])
    case label([Assignment])
    case argument([ArgumentDeclaration])
    case command(CommandForm)
    case entrypoint(CommandForm)
    case shell([String])
    case user(Word)
    case workingDirectory(Word)
    case volume([Word])
    case expose([Word])
    case stopSignal(Word)
    case healthcheck(HealthcheckInstruction)
    /// The text behind `ONBUILD` as an image keeps it; here-documents stand below their line.
    /// `parseTrigger` reads it.
    case onBuild(String)
    case maintainer(String)
  }
}

/// `NAME=value`; the value is unexpanded and still has its quotes.
package struct Assignment: Sendable, Hashable {
  package var name: Word
  package var value: Word
  /// `NAME value`, without a `=`: the value is the rest of the line.
  package var isLegacy = false

  package init(name: Word, value: Word) {
    self.name = name
    self.value = value
  }
}

package struct ArgumentDeclaration: Sendable, Hashable {
  package var name: String
  /// Unexpanded; nil where none is given.
  package var value: Word?
  package var span: SourceSpan

  package init(name: String, value: Word?, span: SourceSpan) {
    self.name = name
    self.value = value
    self.span = span
  }
}

package enum CommandForm: Sendable, Hashable {
  /// `["a", "b"]`.
  case exec([String])
  /// For the shell: the text with its continuations as the shell is to see them.
  case shell(String)
}

package struct HereDocument: Sendable, Hashable {
  package var name: String
  package var content: String
  /// False where its name was quoted.
  package var expands: Bool
  /// Leading tabs were taken away.
  package var stripsTabs: Bool

  package init(name: String, content: String, expands: Bool, stripsTabs: Bool) {
    self.name = name
    self.content = content
    self.expands = expands
    self.stripsTabs = stripsTabs
  }

  /// Its first line that is not blank, with dots where more follow.
  package var summary: String {
    let lines = content.utf8.split(separator: 0x0A).map { line in
      String(decoding: line, as: UTF8.self).trimmingBlanks
    }
    guard let first = lines.firstIndex(where: { !$0.isEmpty }) else { return "" }
    return lines[(first + 1)...].contains { !$0.isEmpty } ? lines[first] + "..." : lines[first]
  }
}

extension String {
  fileprivate var trimmingBlanks: String {
    let bytes = Array(utf8)
    return String(decoding: bytes[trimmed(0..<bytes.count, bytes)], as: UTF8.self)
  }
}

package struct RunInstruction: Sendable, Hashable {
  package var command: CommandForm
  /// In order; `command` still holds their `<<NAME`.
  package var documents: [HereDocument] = []
  package var mounts: [RunMount] = []
  package var network: Network = .standard
  package var isInsecure = false

  package init(command: CommandForm) { self.command = command }

  /// The document that is the whole command, as in `RUN <<EOF`: the shell runs its content, or, where
  /// that begins with `#!`, the program named there.
  package var loneDocument: HereDocument? {
    guard case .shell(let text) = command, let document = documents.first else { return nil }
    let bytes = Array(text.utf8)
    guard let word = hereDocumentWords(in: bytes).first, word.range == 0..<bytes.count else {
      return nil
    }
    return document
  }

  /// What the shell is given: with its here-documents below it; nil in exec form.
  package var shellText: String? {
    guard case .shell(let text) = command else { return nil }
    if let loneDocument { return loneDocument.content }
    var whole = text
    for document in documents { whole += "\n\(document.content)\(document.name)" }
    return whole
  }

  package enum Network: String, Sendable, Hashable {
    case standard = "default"
    case none
    case host
  }
}

/// One `--mount`; values are unexpanded but for `from`, which may hold no variables.
package struct RunMount: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case bind, cache, tmpfs, secret, ssh
  }

  package enum Sharing: String, Sendable, Hashable, CaseIterable {
    case shared, `private`, locked
  }

  package var kind: Kind
  package var span: SourceSpan
  package var target: Word?
  package var source: Word?
  package var from: Word?
  package var id: Word?
  package var isWritable: Bool
  package var isRequired = false
  package var sharing = Sharing.shared
  /// Permission bits; nil is the kind's own.
  package var mode: UInt32?
  package var user: UInt32?
  package var group: UInt32?
  /// Bytes.
  package var size: UInt64?
  /// The variable that a secret is given in.
  package var variable: Word?
  /// Whether its kind, a number or a mode stands in variables: `readingVariables` gives the real ones.
  package var holdsVariables = false
  /// As they were typed.
  package var fields: [MountField] = []

  package init(kind: Kind, isWritable: Bool, span: SourceSpan) {
    self.kind = kind
    self.isWritable = isWritable
    self.span = span
  }
}

package struct CopyInstruction: Sendable, Hashable {
  /// `ADD` takes urls, repositories and archives as well.
  package var isAdd: Bool
  package var sources: [Word]
  package var destination: Word
  /// A stage, an image or a named context; nil is the build's context.
  package var from: Word?
  package var owner: Word?
  package var mode: Word?
  package var isLink = false
  package var keepsParents = false
  package var excludes: [Word] = []
  /// Files that stand in the Dockerfile; they count as sources of their names, after the others.
  package var documents: [HereDocument] = []
  package var checksum: Word?
  package var keepsGitFolder = false
  /// Nil: archives of the context are unpacked, downloaded ones are not.
  package var unpacks: Bool?

  package init(isAdd: Bool, sources: [Word], destination: Word) {
    self.isAdd = isAdd
    self.sources = sources
    self.destination = destination
  }
}

package struct HealthcheckInstruction: Sendable, Hashable {
  /// Nil is `NONE`.
  package var command: CommandForm?
  /// Nanoseconds; 0 inherits.
  package var interval: Int64 = 0
  package var timeout: Int64 = 0
  package var startPeriod: Int64 = 0
  package var startInterval: Int64 = 0
  package var retries = 0

  package init(command: CommandForm?) { self.command = command }
}
