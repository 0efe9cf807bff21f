import { randomUUID } from 'node:crypto'
import {
  compareSelf,
  findSelf,
  type Head,
  HeadInvalid,
  type HeadPlace,
  headOrInvalid,
  inTransaction,
  type SelfState,
  writeHead,
} from '@lethe/request-log'
import type { Pool } from 'pg'
import type { SelfStore } from '../../adapters/self-store.js'
import type { Turns } from '../../adapters/turns.js'

/** The turn of whoever moves the head; a system of a data map can't be called that. */
export const SELF = '@self'

export interface BeatingParts {
  readonly pool: Pool
  readonly store: SelfStore
  readonly turns: Turns
  readonly place: HeadPlace
  readonly now?: () => number
}

/**
 * Replaces the beat in Lethe's own database and in the head file, and writes how far the chain is beside it. The new
 * value is in the file before it is in the database, so a crash leaves one that is known. A database that is not the
 * one the head was written for is left alone.
 */
export class Beating {
  private readonly now: () => number

  constructor(private readonly parts: BeatingParts) {
    this.now = parts.now ?? Date.now
  }

  /** @returns null when another instance is at it */
  async beat(): Promise<SelfState | null> {
    let state: SelfState | null = null
    await this.parts.turns.take(SELF, async () => {
      state = await this.once()
    })
    return state
  }

  private async once(): Promise<SelfState> {
    const { pool, store, place } = this.parts
    const head = headOrInvalid(place)
    const found = await findSelf(pool, head === null || head instanceof HeadInvalid ? [] : head.partitions)
    const state = compareSelf(head, found)
    if (state.is === 'restored') return state
    const { self, identity } = found
    const known: Head | null = head instanceof HeadInvalid ? null : head
    const incarnation = self?.incarnation ?? randomUUID()
    const next = randomUUID()
    const before = self?.beat ?? null
    const writtenAt = this.now()
    const base = { incarnation, identity, writtenAt }
    writeHead(place, {
      ...base,
      previous: known?.current ?? null,
      current: before,
      pending: next,
      partitions: known?.partitions ?? [],
    })
    const partitions = await inTransaction(pool, async (client) => {
      await store.beat(client, { incarnation, beat: next, before }, writtenAt)
      return store.heads(client)
    })
    writeHead(place, { ...base, previous: before, current: next, pending: null, partitions })
    return { is: 'ok' }
  }
}
