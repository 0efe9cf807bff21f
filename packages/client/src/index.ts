export { intakeKeyOf } from '@lethe/schemas'
export { type FollowOptions, followStatus } from './follow-status.js'
export {
  type ClientOptions,
  type Command,
  LetheClient,
  ProblemError,
  UnreachableError,
} from './http-client.js'
export { type IntakeOptions, LetheIntake } from './intake.js'
export type * from './types.js'
