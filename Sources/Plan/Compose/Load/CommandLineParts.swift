// Parts of a service that are typed behind `run`: the same short forms as in a file.

package import Diagnostics

package enum CommandLineParts {
  /// The words of `--entrypoint`.
  package static func words(_ line: String) throws(Faults) -> [String] {
    guard let words = splitWords(line) else {
      throw faults(Fault(.badValue, "`\(line)` has an open quote"))
    }
    return words
  }

  /// A span of time as a file has it: `1m30s`. Nil for anything else.
  package static func span(_ text: String) -> Duration? { parseDuration(text) }

  /// The variables of an environment file, in order.
  package static func environment(
    _ text: [UInt8], file: String, lookup: @escaping (String) -> String?
  ) throws(Faults) -> [(key: String, value: String)] {
    var parser = EnvFileParser(lookup: lookup)
    do throws(EnvFileFault) {
      try parser.parse(text)
    } catch {
      let span = SourceSpan(file: file, line: error.line, column: 1)
      throw Faults([Diagnostic(error.summary, span: span, hint: error.hint)])
    }
    return parser.values.map { ($0.key, $0.value) }
  }

  /// The ports of `--publish`: `8080:80`, `127.0.0.1:8000-8002:80-82/udp`, …
  package static func ports(_ text: String) throws(Faults) -> [PublishedPort] {
    let findings = Findings()
    do throws(Fault) {
      let nodes = try parsePorts(text, .none)
      let reader = ModelReader(sources: Sources(), findings: findings)
      let ports = nodes.compactMap(reader.port)
      if !findings.isFaulty { return ports }
    } catch {
      findings.add(error)
    }
    throw Faults(findings.diagnostics(Sources()))
  }

  /// The mount of `--volume`. Relative sources are below `folder`.
  package static func mount(_ text: String, folder: String, home: String?) throws(Faults) -> Mount {
    let findings = Findings()
    do throws(Fault) {
      let node = try parseMount(text, .none)
      var mount = ModelReader(sources: Sources(), findings: findings).mount(node)
      if case .bind(let source, let creates, let propagation, let recursive) = mount.kind {
        mount.kind = .bind(
          source: resolve(source, in: folder, home: home), createsSource: creates,
          propagation: propagation, recursive: recursive)
      }
      if !findings.isFaulty { return mount }
    } catch {
      findings.add(error)
    }
    throw Faults(findings.diagnostics(Sources()))
  }

  private static func faults(_ fault: Fault) -> Faults {
    let findings = Findings()
    findings.add(fault)
    return Faults(findings.diagnostics(Sources()))
  }
}

extension ProjectLoader {
  /// The `COMPOSE_…` variables that `.env`, or what stands for it, adds to the caller's.
  package static func settings(
    _ options: ProjectOptions, reading reader: some ComposeReader
  ) -> [String: String] {
    var locator = Locator(options: options, reader: reader, findings: Findings())
    return locator.settings()
  }

  /// Whether there is a file to load: given, or found where one is looked for.
  package static func hasFiles(_ options: ProjectOptions, reading reader: some ComposeReader)
    -> Bool
  {
    var locator = Locator(options: options, reader: reader, findings: Findings())
    // A file that is named but missing is for `load` to complain about.
    guard let location = try? locator.locate() else { return true }
    return !location.files.isEmpty
  }
}
