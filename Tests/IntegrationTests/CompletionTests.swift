import TestSupport
import Testing

@Suite("TAB completes what the command knows")
struct CompletionTests {
  private let environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]

  @Test(
    "the committed script is what the command generates",
    arguments: [("bash", "berth.bash"), ("zsh", "_berth"), ("fish", "berth.fish")])
  func committed(_ shell: String, _ file: String) async throws {
    let generated = try await run([Berth.program, "--generate-completion-script", shell])
    let committed = try await run(["cat", "\(repositoryTop)/completions/\(file)"])
    #expect(generated.output.count > 500)
    #expect(generated.output == committed.output, "run scripts/completions")
  }

  @Test(
    "bash offers verbs and flags",
    arguments: [("berth u", "up"), ("berth lo", "logs"), ("berth down --vol", "--volumes")])
  func bash(_ typed: String, _ expected: String) async throws {
    let script = """
      set -u
      source "$1/completions/berth.bash"
      COMP_LINE=$2; COMP_POINT=${#2}; COMP_TYPE=9; COMP_KEY=9
      read -r -a COMP_WORDS <<<"$2"; COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
      function_name=$(complete -p berth | sed 's/.* -F \\([^ ]*\\).*/\\1/')
      "$function_name" berth "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let result = try await run(["bash", "-c", script, "bash", repositoryTop, typed])
    #expect(result.lines.map { $0.filter { $0 != " " } }.contains(expected), "\(result)")
  }

  private func run(_ arguments: [String]) async throws -> CommandResult {
    try await Command(arguments, folder: "/", environment: environment).wait()
  }
}
