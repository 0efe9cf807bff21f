export { adviceOn } from './advice.js'
export { type Attention, attention } from './attention.js'
export { attestedSystems, byHandOf } from './by-hand.js'
export { type Clearance, clearance } from './clearance.js'
export type { Decision, IssueGrant, Rejection, RequestCommand } from './commands.js'
export { type BackupClear, backupClearDates, longestKeepMs } from './completion.js'
export { decide } from './decide.js'
export { HELD_WITHOUT_END } from './decide-hold.js'
export { ERASED_BEFORE, type Import, wasImported } from './decide-import.js'
export { type AttestTask, livingGrant, type TakeTask } from './decide-task.js'
export { evolve, fold } from './evolve.js'
export {
  type GivenIdentifier,
  MAX_IDENTIFIER_LENGTH,
  type NormalisedIdentifier,
  normaliseIdentifier,
} from './identifiers.js'
export { dueAt, extendedDueAt } from './legal-clock.js'
export { packRuns, packTexts, type Runs, TextColumn, type Texts, unpackRuns } from './packed.js'
export { defaultPolicy, type Policy } from './policy.js'
export { type ProblemCode, problemCodes } from './problem-code.js'
export { proceed, wakeAt } from './proceed.js'
export { type Publication, publications } from './publications.js'
export { isRegime, type Period, type Regime, type RegimeKey, regimes } from './regimes.js'
export type {
  GrantState,
  PassState,
  ProbeState,
  RequestEvent,
  RequestEventType,
  RequestState,
  RequestStatus,
  SystemStatus,
} from './request-state.js'
export { selectsByEverything } from './selection.js'
export { type TaskView, taskOf } from './task-view.js'
export {
  alreadyGone,
  type ProbeView,
  type StepView,
  type SystemView,
  steps,
  systems,
  type VerificationView,
  verification,
} from './views.js'
