import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CopyTally } from '@lethe/client'
import { UsageError } from './exit.js'

/** How far an application of tombstones to a copy has come. The address is not kept: it holds a password. */
export interface ApplyProgress {
  readonly applyId: string
  readonly systemId: string
  readonly tables: readonly string[] | null
  readonly dryRun: boolean
  readonly phase: 'replay' | 'probe'
  readonly after: string
  readonly replayed: CopyTally
  readonly probed: CopyTally
}

export const noTally: CopyTally = {
  tombstones: 0,
  replayed: 0,
  alreadyAbsent: 0,
  held: 0,
  unreadable: 0,
  failed: {},
  residual: {},
  inconclusive: {},
}

const addedUp = (one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) => {
  const sum = new Map(Object.entries(one))
  for (const [key, count] of Object.entries(other)) sum.set(key, (sum.get(key) ?? 0) + count)
  return Object.fromEntries(sum)
}

export function withPage(sum: CopyTally, page: CopyTally): CopyTally {
  return {
    tombstones: sum.tombstones + page.tombstones,
    replayed: sum.replayed + page.replayed,
    alreadyAbsent: sum.alreadyAbsent + page.alreadyAbsent,
    held: sum.held + page.held,
    unreadable: sum.unreadable + page.unreadable,
    failed: addedUp(sum.failed, page.failed),
    residual: addedUp(sum.residual, page.residual),
    inconclusive: addedUp(sum.inconclusive, page.inconclusive),
  }
}

/** Files of a folder, one per application under way; each page replaces its file in one step. */
export class ProgressFiles {
  constructor(private readonly folder: string) {}

  save(progress: ApplyProgress): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    const file = this.file(progress.applyId)
    writeFileSync(`${file}.new`, JSON.stringify(progress), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  /** @throws UsageError when there is none that can be read */
  load(applyId: string): ApplyProgress {
    try {
      return JSON.parse(readFileSync(this.file(applyId), 'utf8')) as ApplyProgress
    } catch (cause) {
      throw new UsageError(
        'nothing is known of this apply: it has ended, or was started elsewhere; start anew',
        {
          cause,
        },
      )
    }
  }

  remove(applyId: string): void {
    rmSync(this.file(applyId), { force: true })
  }

  private file(applyId: string): string {
    return join(this.folder, `${applyId}.json`)
  }
}
