import { SessionsStayError } from '@lethe/eraser-kit'
import { type Logger, RetryableError, TerminalError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { MarkerKey } from '../domain/marker.js'
import type { Restore } from '../domain/restore.js'
import { toReview } from '../domain/review.js'
import { nothing } from '../domain/tally.js'
import { isOfCopy, type Verdict, verdictOn } from '../domain/verdict.js'
import { type CopyAge, type Reason, reasonsToWait, type Tally } from '../domain/waiting.js'
import { copyOrigin } from './copy-origin.js'
import type { Detector } from './detector.js'
import { GateAudit } from './gate-audit.js'
import type { Hooks } from './hooks.js'
import type { Replay } from './replay.js'
import { type ChainVerdict, noChain } from './self/chain-verdict.js'
import type { WatchedSystem } from './watched-system.js'

/** Who opens a gate where no person does. */
const REPLAY = 'replay'

export interface RunsParts {
  readonly store: RestoreStore
  readonly replay: Replay
  readonly reviews: ReviewStore
  readonly detector: Detector
  readonly hooks: Hooks
  readonly chain?: ChainVerdict
  readonly secret: string
  readonly incarnation: string
  readonly logger: Logger
  readonly now?: () => number
}

/**
 * Takes a restore from its announcement to the open gate: shut, replay, probe, open or wait for a person. Every
 * phase is recorded before the next one starts and can be done again, so another process goes on where this
 * one ended.
 */
export class Runs {
  private readonly now: () => number
  private readonly audit: GateAudit

  constructor(private readonly parts: RunsParts) {
    this.now = parts.now ?? Date.now
    this.audit = new GateAudit(parts.store, this.now)
  }

  /** As far as it goes now. Throws when the store is away; the restore stays in its phase. */
  async advance(restoreId: string, system: WatchedSystem, signal: AbortSignal): Promise<Restore | null> {
    for (;;) {
      const restore = await this.parts.store.restore(restoreId)
      if (restore === null || isAtRest(restore)) return restore
      signal.throwIfAborted()
      try {
        if (awaitsCopy(restore) && !(await this.cameBack(restore, system))) {
          await this.keepFormerShut(restore, system)
          return restore
        }
        await this.step(restore, system, signal)
      } catch (error) {
        // A tool may still be filling the store, or a person must look: it is tried again, and shows why.
        if (error instanceof TerminalError) await this.parts.store.note(restoreId, [unfit(error)])
        throw error
      }
    }
  }

  /** No grants from the announcement on: what is erased meanwhile would be erased in a store that is going. */
  private async cameBack(restore: Restore, system: WatchedSystem): Promise<boolean> {
    const { store, hooks } = this.parts
    const { restoreId, systemId } = restore
    const gate = (await store.gates()).find((one) => one.systemId === systemId)
    if (gate?.state !== 'shut' || gate.restoreId !== restoreId)
      await store.shutGate(systemId, restoreId, 'advisory', this.now())
    if (await hooks.cameBack(restore, system)) return true
    await store.note(restoreId, [notRestoredYet])
    return false
  }

  /** The restore whose copy is still behind the gate while the one of another is awaited; null when there is none. */
  async former({ systemId, restoreId }: Restore): Promise<Restore | null> {
    const last = await this.parts.store.lastShut(systemId, this.now(), restoreId)
    return last === null || last.phase === 'opened' || last.phase === 'superseded' ? null : last
  }

  /** Until another copy comes, the one before may still answer, and its server may forget that it is shut. */
  private async keepFormerShut(restore: Restore, system: WatchedSystem): Promise<void> {
    const former = await this.former(restore)
    if (former === null || !(await this.parts.hooks.isStillThere(system))) return
    try {
      await this.keepShut(former, system)
    } finally {
      await system.reopen()
    }
  }

  /** Ends the waiting for a copy that does not come. The one of `former` stays behind its gate and goes on. */
  async giveWay(restore: Restore, former: Restore): Promise<void> {
    const { store } = this.parts
    const strength = former.gateMode === 'advisory' ? 'advisory' : 'enforced'
    await store.giveWay(restore.restoreId)
    await store.shutGate(restore.systemId, former.restoreId, strength, this.now())
  }

  /** Whether the copy that a hooked restore waits for answers now: whoever wants to end the waiting must not let it in. */
  hasComeBack(restore: Restore, system: WatchedSystem): Promise<boolean> {
    return this.parts.hooks.cameBack(restore, system)
  }

  private async step(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<void> {
    const { store, replay } = this.parts
    const { restoreId } = restore
    switch (restore.phase) {
      case 'announced':
        return this.shut(restore, system)
      case 'shut':
        if (await this.claim(restore, system)) await store.startPhase(restoreId, 'replaying')
        return
      case 'replaying':
        // Ids of ours may be other people's there.
        if (restore.markerForeign)
          return store.wait(restoreId, reasonsToWait(nothing, await this.ageOf(restore)))
        await replay.apply(restore, system, signal)
        return store.startPhase(restoreId, 'probing')
      case 'probing': {
        const tally = await replay.probe(restore, system, signal)
        return this.decide(restore, system, tally)
      }
      default:
        return
    }
  }

  /** First no grants, then nobody in the store: in the other order an erasure could start behind a shut gate. */
  private async shut(restore: Restore, system: WatchedSystem): Promise<void> {
    const { store, hooks, logger } = this.parts
    const { restoreId, systemId } = restore
    await store.shutGate(systemId, restoreId, 'advisory', this.now())
    await system.reopen()
    const session = await system.restore()
    await store.rememberAdmitted(systemId, await session.gate.admitted())
    const hooked = await hooks.kept(restore, session)
    const known = await store.marker(systemId)
    // Until the last look it was the right copy; how long after it the other one answered nobody knows.
    const since = known?.confirmedAt ?? restore.announcedAt
    // Shut by a look before this one, it only waits for whoever can't be ended: that is no part of the window.
    const open = restore.windowMs === null || (await session.gate.state()) === 'open'
    // Shut beforehand, and somebody opened it before Lethe looked.
    const wasOpened = restore.gateMode === 'hooked' && !hooked && open
    if (wasOpened) await this.audit.foundOpen(restore, since)
    const { strength, sessionsEnded } = await session.gate.shut().catch(async (error: unknown) => {
      if (error instanceof SessionsStayError && open && !hooked)
        await store.recordWindow(restoreId, error.keptOutAt - since)
      throw error
    })
    if (wasOpened) await this.audit.shutAgain(restore, sessionsEnded)
    const now = this.now()
    const windowMs = hooked ? null : open ? now - since : restore.windowMs
    await store.shutGate(systemId, restoreId, strength, now)
    const { found } = await session.marker.read()
    const { before, ...origin } = await copyOrigin(store, this.keyOf(systemId), found, {
      isCurrent: isOfCopy(known, found),
      of: restoreId,
      now,
    })
    const wasHooked = hooked && before?.gateMode !== 'unhooked'
    const gateMode = strength === 'advisory' ? 'advisory' : wasHooked ? 'hooked' : 'unhooked'
    const shown = hooked && !wasHooked ? (before?.windowMs ?? null) : windowMs
    await store.supersede(systemId, restoreId)
    await store.recordShut(restoreId, { ...origin, windowMs: shown, sessionsEnded, gateMode }, now)
    const { markerAt } = origin
    // Its marker was written at the last look before the backup.
    if (restore.backupId !== null && markerAt !== null)
      await store.backupSeen(systemId, restore.backupId, markerAt, now)
    logger.warn({ system: systemId, restoreId, strength, sessionsEnded, windowMs }, 'the gate is shut')
  }

  /**
   * What the copy showed is recorded; from here on it is ours, so that yet another copy is recognised. One that came in
   * before is: false then. A step of its own, because a process may end between the two.
   */
  private async claim(restore: Restore, system: WatchedSystem): Promise<boolean> {
    const { systemId, markerAt } = restore
    const session = await system.restore()
    const [{ found }, known] = await Promise.all([session.marker.read(), this.parts.store.marker(systemId)])
    const isCurrent = isOfCopy(known, found)
    const asked = { isCurrent, of: restore.restoreId, now: this.now() }
    const origin = await copyOrigin(this.parts.store, this.keyOf(systemId), found, asked)
    const isRecorded = origin.markerAt === markerAt && origin.markerForeign === restore.markerForeign
    if (!isCurrent && !isRecorded && (await this.lookAgain(restore, system)) === 'other') return false
    await session.prepare()
    await this.mark(system)
    return true
  }

  /** A server that restarted may have forgotten whom it must not let in. */
  async keepShut(restore: Restore, system: WatchedSystem): Promise<void> {
    if (restore.shutAt === null) return
    if (restore.gateMode === 'advisory') return
    const { systemId, restoreId } = restore
    const { gate } = await system.restore()
    const lookedAt = this.now()
    if ((await gate.state()) === 'shut') return this.parts.store.recordSeenShut(restoreId, lookedAt)
    await this.audit.foundOpen(restore)
    // Ended while it was opening, the last process may have forgotten who gets in: they are remembered of a shut gate only.
    await this.parts.store.shutGate(systemId, restoreId, 'enforced', this.now())
    await this.parts.store.rememberAdmitted(systemId, await gate.admitted())
    const { sessionsEnded } = await gate.shut()
    await this.parts.store.recordReachable(restoreId, sessionsEnded, this.now())
    await this.audit.shutAgain(restore, sessionsEnded)
    if (restore.phase === 'replaying' || restore.phase === 'probing')
      await this.parts.store.startPhase(restoreId, 'replaying')
    this.parts.logger.error(
      { system: systemId, restoreId, sessionsEnded },
      'the gate had opened by itself; it is shut again',
    )
  }

  /**
   * Whether nobody else was in the store since it was shut. A tool that fills it through several connections, or
   * gives rights back at its end, may have brought people in behind the replay: then all of it starts over.
   */
  private async undisturbed(restore: Restore, system: WatchedSystem): Promise<boolean> {
    if (restore.gateMode === 'advisory') return true
    const { store, logger } = this.parts
    const { systemId, restoreId } = restore
    const { gate } = await system.restore()
    const open = (await gate.state()) === 'open'
    if (open) await this.audit.foundOpen(restore)
    await store.rememberAdmitted(systemId, await gate.admitted())
    let calm = false
    try {
      const { sessionsEnded } = await gate.shut()
      if (open) await this.audit.shutAgain(restore, sessionsEnded)
      calm = !open && sessionsEnded === 0
      if (!calm) await store.recordReachable(restoreId, sessionsEnded, this.now())
    } finally {
      if (!calm) await store.startPhase(restoreId, 'replaying')
    }
    if (!calm)
      logger.warn({ system: systemId, restoreId }, 'somebody was in the store; the replay starts over')
    return calm
  }

  private async decide(restore: Restore, system: WatchedSystem, tally: Tally): Promise<void> {
    const { store, logger } = this.parts
    const { restoreId, systemId } = restore
    const reasons = reasonsToWait(tally, await this.ageOf(restore))
    const broken = await (this.parts.chain ?? noChain)()
    if (broken !== null) reasons.push(broken)
    const undecided = await this.parts.reviews.openOf(restoreId)
    if (undecided > 0) reasons.push(toReview(undecided))
    if (!(await this.undisturbed(restore, system))) return
    const look = await this.lookAgain(restore, system, () => this.startOver(restore))
    if (look === 'other' || look === 'moved') return
    if (reasons.length === 0) return this.open(restore, system, REPLAY, tally)
    await store.wait(restoreId, reasons)
    const codes = reasons.map(({ code }) => code)
    logger.error({ system: systemId, restoreId, codes }, 'the gate stays shut and waits for a person')
  }

  /**
   * Whether the copy that was replayed still answers. Yet another one may have come in meanwhile: it is a restore of its
   * own. The same one in another run, or on another server, may show again who was erased before it was last saved.
   */
  private async lookAgain(
    { restoreId, systemId }: Restore,
    system: WatchedSystem,
    onMoved?: () => Promise<unknown>,
  ): Promise<Verdict> {
    const { detector, store } = this.parts
    const look = await detector.look(system, onMoved)
    if (look === 'unknown')
      throw new RetryableError('store_unknown', 'The store does not answer; its gate stays shut.')
    if (look !== 'other') return look
    const newest = (await store.underWay()).find((one) => one.systemId === systemId)
    await store.supersede(systemId, newest?.restoreId ?? restoreId)
    return look
  }

  private async startOver({ restoreId, systemId }: Restore): Promise<void> {
    await this.parts.store.startPhase(restoreId, 'replaying')
    this.parts.logger.warn(
      { system: systemId, restoreId },
      'the store was started anew, or another server took its place; the replay starts over',
    )
  }

  private async ageOf({ systemId, markerAt, markerForeign }: Restore): Promise<CopyAge> {
    if (markerAt === null) return { known: false, foreign: markerForeign }
    const lastCollectedAt = await this.parts.store.lastCollected(systemId, this.now())
    return { known: true, writtenAt: markerAt, lastCollectedAt }
  }

  /** The marker first: a crash before the gate is open must not look like one more restore. Idempotent. */
  async open(restore: Restore, system: WatchedSystem, by: string, tally: Tally = restore): Promise<void> {
    const { store, logger } = this.parts
    const { restoreId, systemId } = restore
    const session = await system.restore()
    await this.mark(system, { isKnown: by === REPLAY })
    const gate = (await store.gates()).find((one) => one.systemId === systemId)
    // Taken before: nobody got in earlier than the instant that is kept.
    const now = this.now()
    await session.gate.open(gate?.admitted ?? [])
    await store.openGate(systemId, now)
    const total = await store.overAllRuns(restoreId, tally)
    const { tombstones, replayed, alreadyAbsent, held, unreadable, residual } = total
    const evidence = { by, tombstones, replayed, alreadyAbsent, held, unreadable, residual }
    await store.recordOpened(restoreId, evidence, now)
    logger.warn({ system: systemId, restoreId, ...evidence }, 'the gate is open')
  }

  /** @param given whether only the very copy is marked that the last look knew, in the same run on the same server */
  private async mark(system: WatchedSystem, given = { isKnown: false }): Promise<void> {
    const session = await system.restore()
    const [marker, identity] = await Promise.all([session.marker.read(), session.identity()])
    const found = { marker, identity }
    if (given.isKnown) {
      const known = await this.parts.store.marker(system.systemId)
      if (verdictOn(known, found, true) !== 'same')
        throw new RetryableError('store_changed', 'The store changed just before its gate would open.')
    }
    if (!(await this.parts.detector.mark(system, found)))
      throw new Error('somebody else wrote the marker at the same time; it is looked at again')
  }

  private keyOf(systemId: string): MarkerKey {
    const { secret, incarnation } = this.parts
    return { secret, systemId, incarnation }
  }
}

const unfit = ({ code, message }: TerminalError): Reason => ({
  code: code === 'gate_not_operable' ? code : 'failed',
  detail: `${message} It is tried again by itself.`,
  counts: { [code]: 1 },
})

const notRestoredYet: Reason = {
  code: 'not_restored_yet',
  detail:
    'The gate is shut and the restored copy has not come in yet. When it has and this stays: lethe restore announce. If nothing will be restored: lethe restore open.',
}

/** Announced by whoever restores, before there is a copy. */
export const awaitsCopy = ({ phase, gateMode }: Restore): boolean =>
  phase === 'announced' && gateMode === 'hooked'

const isAtRest = ({ phase }: Restore): boolean => ['opened', 'waiting', 'superseded'].includes(phase)
