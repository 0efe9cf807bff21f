export { intakeKeyOf } from '@lethe/schemas'
export type { BackupView } from './backup-view.js'
export type { DrillEvidence, DrillPhase, DrillView } from './drill-view.js'
export { type FollowOptions, followStatus } from './follow-status.js'
export { type ClientOptions, ProblemError, UnreachableError } from './http-call.js'
export { type Command, LetheClient } from './http-client.js'
export { type IntakeOptions, LetheIntake } from './intake.js'
export {
  type CopyAddress,
  type CopyPageView,
  type CopyTally,
  type CopyView,
  type GateView,
  RestoreClient,
  type RestoreView,
  type ReviewView,
  type SweepView,
} from './restore-client.js'
export type { LostRequestView, SelfReportView, SelfView } from './self-view.js'
export type * from './types.js'
