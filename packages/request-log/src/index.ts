export { backToBack, inTransaction, isUnavailable } from '@lethe/event-store'
export { appendToChain, CHECKPOINT_EVERY, type ChainHead, writeCheckpoint } from './chain/append.js'
export type { ChainFinding, ChainReport } from './chain/findings.js'
export { type ChainLink, contentOf, GENESIS, type TombstoneContent } from './chain/link.js'
export { verifyChain } from './chain/verify.js'
export { verifyChainAtOnce } from './chain/verify-at-once.js'
export { verifyLinksAtOnce } from './chain/verify-links.js'
export { verifyProjection } from './chain/verify-projection.js'
export { joinCounts } from './counts/join.js'
export { type RequestCount, requestCounts } from './counts/query.js'
export { recount } from './counts/recount.js'
export {
  compareSelf,
  findSelf,
  headOrInvalid,
  lookAtSelf,
  type RestoredReason,
  restoredReasons,
  type SelfState,
} from './head/compare.js'
export {
  type Head,
  HeadInvalid,
  type HeadOfPartition,
  type HeadPlace,
  readHead,
  writeHead,
} from './head/head-file.js'
export { SelfWatch, type SelfWatchOptions, watchSelf } from './head/self-watch.js'
export { type HeadSettings, headSettings, headShape } from './head/settings.js'
export { pruneProcessed, takeFresh } from './inbox/inbox.js'
export { advanceOffset, loadOffsets, OffsetConflict, type PartitionOffset } from './inbox/offsets.js'
export { FOLD_VERSION, LogCorrupt } from './loader.js'
export type { LogTransaction } from './log-transaction.js'
export { OutboxReconciler, type ReconcilerOptions, type SweepReport } from './outbox/outbox-reconciler.js'
export type { Encode, OutboxMessage } from './outbox/outbox-row.js'
export { writersPolicy } from './policy.js'
export type { Projection, Queryable } from './projections/projection.js'
export { type RequestFilter, scopeParameter, type TenantScope } from './projections/requests/filter.js'
export type { RequestRow } from './projections/requests/fold.js'
export { InvalidCursor, type RequestOrder, requestOrders } from './projections/requests/order.js'
export { listRequests, type Page } from './projections/requests/page.js'
export {
  countOpenTasks,
  countRequests,
  dueRequests,
  findRequest,
  nextWakeAt,
} from './projections/requests/query.js'
export type { StepRow } from './projections/steps/fold.js'
export { stepsOf } from './projections/steps/query.js'
export type { TombstoneRow } from './projections/tombstones/fold.js'
export { liveTombstones, tombstonesOf, tombstonesWithDigests } from './projections/tombstones/query.js'
export type { VerificationRow } from './projections/verifications/fold.js'
export {
  type VerificationFilter,
  type VerificationKey,
  verificationsOf,
  verificationView,
} from './projections/verifications/query.js'
export type { Difference } from './rebuild/compare.js'
export { type RebuildOptions, type RebuildReport, rebuild } from './rebuild/rebuild.js'
export type { StreamProblem } from './rebuild/refold.js'
export { RequestLog, type RequestLogOptions } from './request-log.js'
