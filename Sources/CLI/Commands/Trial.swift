// `--dry-run` behind a verb, and what several verbs that carry out a plan have in common.

import ArgumentParser
import Console
import Diagnostics
import Engine
import Planning

struct TrialOptions: ParsableArguments {
  @Flag(help: "Show what would be done, and do nothing")
  var dryRun = false

  /// Also when it stands before the verb.
  func isOn(_ invocation: Invocation) -> Bool { dryRun || invocation.global.dryRun }
}

/// Answers to questions, given before they are asked.
struct ConsentOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Answer yes to every question")
  var yes = false
}

/// Which containers are made anew.
struct RecreateOptions: ParsableArguments {
  @Flag(help: "Recreate containers even if nothing changed")
  var forceRecreate = false
  @Flag(help: "Leave existing containers as they are")
  var noRecreate = false

  /// What `refuse` is to look at.
  var pair: (Bool, String, Bool, String) {
    (forceRecreate, "--force-recreate", noRecreate, "--no-recreate")
  }

  var choice: UpOptions.Recreate {
    forceRecreate ? .always : (noRecreate ? .never : .whenChanged)
  }
}

/// The steps of a plan that was not carried out, each with its cause.
func show(_ plan: Plan) {
  Output.standard.write(plan.isEmpty ? "nothing to do\n" : plan.text + "\n")
}

/// Flags that cannot stand beside each other.
func refuse(_ pairs: [(Bool, String, Bool, String)]) throws {
  for (left, leftName, right, rightName) in pairs where left && right {
    throw UsageFault("`\(leftName)` and `\(rightName)` are incompatible")
  }
}

extension Invocation {
  /// Whether orphans go: by the flag, or by the variable that is its default.
  func removesOrphans(_ typed: Bool) throws -> Bool {
    let removes = typed || flag("COMPOSE_REMOVE_ORPHANS")
    guard removes, flag("COMPOSE_IGNORE_ORPHANS") else { return removes }
    throw UsageFault(
      "`COMPOSE_IGNORE_ORPHANS` and `\(typed ? "--remove-orphans" : "COMPOSE_REMOVE_ORPHANS")` "
        + "are incompatible", hint: "unset one of the two")
  }
}

extension Work {
  /// Asks at the terminal whether a volume that has changed is to be made anew. Nil without one: then
  /// it is not, and a warning says so.
  var agreesToLoseVolume: (@Sendable (String) -> Bool)? {
    guard canAsk else { return nil }
    let progress = progress
    return { name in
      var isAgreed = false
      progress.interrupt {
        let answer = ask(
          "Volume \"\(name)\" exists but doesn't match configuration in compose file. "
            + "Recreate (data will be lost)? [y/N] ")
        isAgreed = ["y", "yes"].contains((answer ?? "").lowercased())
      }
      return isAgreed
    }
  }
}
