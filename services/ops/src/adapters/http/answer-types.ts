import type { z } from 'zod'
import type * as answers from './answers.js'

/** What is answered, for who reads it in TypeScript: the console. */
export type Overview = z.infer<typeof answers.overview>
export type Figure = Overview['atRisk']
export type Lag = z.infer<typeof answers.lag>
export type Group = Lag['groups'][number]
export type Partition = Lag['partitions'][number]
export type AtRisk = z.infer<typeof answers.atRisk>
export type Endangered = AtRisk['items'][number]
export type Erasers = z.infer<typeof answers.erasers>
export type Gates = z.infer<typeof answers.gates>
export type Restores = z.infer<typeof answers.restores>
export type Restore = Restores['items'][number]
export type Drills = z.infer<typeof answers.drills>
export type Drill = NonNullable<Drills['items']>[number]
export type Backups = z.infer<typeof answers.backups>
export type DeadLetters = z.infer<typeof answers.deadLetters>
export type RequestPage = z.infer<typeof answers.requestPage>
export type RequestRow = RequestPage['items'][number]
export type RequestDetail = z.infer<typeof answers.requestDetail>
export type Step = RequestDetail['steps'][number]
export type Timeline = z.infer<typeof answers.timeline>
export type ChangePage = z.infer<typeof answers.changePage>
export type SessionAnswer = z.infer<typeof answers.session>
export type Acted = z.infer<typeof answers.acted>
export type Evidence = z.infer<typeof answers.evidence>
export type DeadLetter = NonNullable<DeadLetters['items']>[number]
export type DeadLetterLook = z.infer<typeof answers.deadLetter>
export type Redriven = z.infer<typeof answers.redriven>
export type Matrix = z.infer<typeof answers.matrix>
export type PersonRequests = z.infer<typeof answers.personRequests>
export type Where = z.infer<typeof answers.where>
export type DataMap = z.infer<typeof answers.dataMap>
export type CheckedMap = z.infer<typeof answers.checkedMap>
export type SignInWays = z.infer<typeof answers.signInWays>
export type BulkJob = z.infer<typeof answers.bulkJob>
export type BulkJobs = z.infer<typeof answers.bulkJobs>
export type BulkItems = z.infer<typeof answers.bulkItems>
