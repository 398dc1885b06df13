// Walks a plan as wide as its order allows. Decides nothing: what comes after a failed step is not
// begun, all else is done, and every failure is reported.

package import Diagnostics
package import Planning

/// Does one step of a plan. Throws when the step could not be done.
package typealias StepAction = @Sendable (Plan.Step) async throws -> Void

/// All that went wrong while a plan was carried out, in the order in which it happened.
package struct ApplyFailure: Diagnosable {
  package var failures: [any Error]

  package var diagnostics: [Diagnostic] {
    failures.flatMap { failure in
      (failure as? any Diagnosable)?.diagnostics ?? [Diagnostic("\(failure)")]
    }
  }
}

package func apply(_ plan: Plan, action: @escaping StepAction) async throws {
  var waiting = plan.steps.map(\.after.count)
  var followers = [[Int]](repeating: [], count: plan.steps.count)
  for (index, step) in plan.steps.enumerated() {
    for earlier in step.after { followers[earlier].append(index) }
  }
  var failures: [any Error] = []
  await withTaskGroup(of: (Int, (any Error)?).self) { group in
    func begin(_ index: Int) {
      let step = plan.steps[index]
      group.addTask {
        do {
          try Task.checkCancellation()
          try await action(step)
          return (index, nil)
        } catch {
          return (index, error)
        }
      }
    }
    for index in plan.steps.indices where waiting[index] == 0 { begin(index) }
    while let (index, failure) = await group.next() {
      if let failure {
        failures.append(failure)
        continue
      }
      for follower in followers[index] {
        waiting[follower] -= 1
        if waiting[follower] == 0 { begin(follower) }
      }
    }
  }
  // A cancelled step says nothing that its cause did not say.
  let told = failures.filter { !($0 is CancellationError) }
  if !told.isEmpty { throw ApplyFailure(failures: told) }
  if !failures.isEmpty { throw CancellationError() }
}
