import { LOST, type RestoreSession } from '@lethe/eraser-kit'
import { RetryableError, TerminalError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { Restore } from '../domain/restore.js'
import { isOfCopy, verdictOn } from '../domain/verdict.js'
import type { WatchedSystem } from './watched-system.js'

/** Restores that were prepared before anybody could reach the copy. */
export class Hooks {
  constructor(private readonly store: RestoreStore) {}

  /**
   * Whether nobody could be in the copy before Lethe looked after it. Where the store can tell, it counts and not what
   * was announced: a gate that the server did not read kept nobody out, and one that Lethe shut again had been open.
   */
  async kept(restore: Restore, session: RestoreSession): Promise<boolean> {
    const prepared = (await session.gate.prepared?.()) ?? null
    if (prepared === null) return restore.gateMode === 'hooked'
    if (prepared.state !== 'shut' || prepared.restoreId === LOST) return false
    const of = prepared.restoreId === null ? null : await this.store.restore(prepared.restoreId)
    return (of?.openedAt ?? null) === null
  }

  /** Whether the copy answers that Lethe marked last. */
  async isStillThere(system: WatchedSystem): Promise<boolean> {
    try {
      const { marker } = await system.restore()
      const [{ found }, known] = await Promise.all([marker.read(), this.store.marker(system.systemId)])
      return isOfCopy(known, found)
    } catch (error) {
      if (error instanceof RetryableError || error instanceof TerminalError) return false
      throw error
    } finally {
      await system.reopen()
    }
  }

  /**
   * Whether the copy that a hooked restore waits for answers now. Until then the store that was there before may
   * answer, or none, or a database that a tool is still filling: nothing is replayed into those.
   */
  async cameBack(restore: Restore, system: WatchedSystem): Promise<boolean> {
    try {
      const session = await system.restore()
      const prepared = (await session.gate.prepared?.()) ?? null
      // Of a store that can't tell, the word of whoever announced it counts.
      if (prepared === null) return true
      const { way, state, restoreId } = prepared
      const isOurs = restoreId === null || restoreId === restore.restoreId
      if (way === 'first_start' && state === 'shut' && isOurs) return true
      const [marker, identity] = await Promise.all([session.marker.read(), session.identity()])
      // A database that a tool has just made has no marker either; a dump from before Lethe is told by `announce`.
      if (marker.found === null) return false
      const known = await this.store.marker(system.systemId)
      const verdict = verdictOn(known, { marker, identity }, true)
      return verdict === 'other' || (verdict === 'moved' && state === 'shut')
    } catch (error) {
      if (error instanceof RetryableError) return false
      if (error instanceof TerminalError && NOT_THERE_YET.has(error.code)) return false
      throw error
    } finally {
      // The tool may be about to drop the database, and must find nobody in it.
      await system.reopen()
    }
  }
}

/** A tool drops the database, makes it again, and fills it table by table. */
const NOT_THERE_YET = new Set(['missing_database', 'missing_table', 'missing_column'])
