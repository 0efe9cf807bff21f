export { type ClientOptions, type Command, LetheClient, ProblemError, UnreachableError } from './http-client.js'
export type * from './types.js'
