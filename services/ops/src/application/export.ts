import { Readable } from 'node:stream'
import { listRequests, type Page, type RequestRow } from '@lethe/request-log'
import { ProblemError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type Cell, csvLine } from '../domain/csv.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'
import { mayRead } from './looks.js'
import { filterOf, type ListQuestion } from './requests.js'

export type ExportQuestion = Omit<ListQuestion, 'cursor' | 'limit'>

/** Rows read at a time: what is in memory, however many there are. */
const PAGE = 1_000
/** Files that are written at once; each keeps a connection busy. */
const MOST_AT_ONCE = 2

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

/** What the file has of a request: ids, words and moments. Neither the person's reference nor who asked for it. */
const columns: Readonly<Record<string, (row: RequestRow) => Cell>> = {
  request_id: (row) => row.requestId,
  tenant: (row) => row.tenantId,
  status: (row) => row.status,
  regime: (row) => row.regime,
  channel: (row) => row.channel,
  ground: (row) => row.ground,
  received_at: (row) => instant(row.receivedAt),
  due_at: (row) => instant(row.dueAt),
  run_at: (row) => instant(row.runAt),
  systems_total: (row) => row.systemsTotal,
  systems_done: (row) => row.systemsDone,
  holds: (row) => row.holds.length,
  awaiting_approval: (row) => row.awaitingApproval,
  live_erased_at: (row) => instant(row.liveErasedAt),
  completed_at: (row) => instant(row.completedAt),
  backup_clear_at: (row) => instant(row.backupClearAt),
  backup_clear: (row) => row.backupClear,
  to_do_by: (row) => row.attention?.owner ?? null,
  to_do: (row) => row.attention?.nextStep ?? null,
}

/** The list as a file. */
export class Export {
  private running = 0

  constructor(
    private readonly pool: Pool,
    private readonly journal: Journal,
  ) {}

  /**
   * The lines, as they are read. The audit is written and the first page read when this returns, so that what goes
   * wrong is answered; what goes wrong later breaks the file off. Whoever takes the stream has to end it.
   *
   * @param address what was asked, for the audit
   * @throws ProblemError `forbidden`, `too_many_attempts`
   */
  async open(identity: Identity, question: ExportQuestion, address: string): Promise<Readable> {
    const { caller } = identity
    mayRead(caller)
    if (this.running >= MOST_AT_ONCE)
      throw new ProblemError('too_many_attempts', 429, 'Other files are being written. Try again after them.')
    const filter = filterOf(caller, question)
    const read = (cursor: string | null) =>
      listRequests(this.pool, filter, { limit: PAGE, cursor, order: question.order })
    const entry = entryOf(identity, 'export', address.slice(0, 2_000))
    this.running++
    try {
      const actionId = await this.journal.record([{ ...entry, outcome: 'asked' }])
      const file = Readable.from(lines(await read(null), read))
      // Comes whether it was read to its end, failed or was given up.
      file.once('close', () => {
        this.running--
        this.journal.note({ ...entry, outcome: file.readableEnded ? 'done' : 'broken_off' }, actionId)
      })
      return file
    } catch (error) {
      this.running--
      throw error
    }
  }
}

async function* lines(
  first: Page<RequestRow>,
  read: (cursor: string) => Promise<Page<RequestRow>>,
): AsyncGenerator<string> {
  yield csvLine(Object.keys(columns))
  for (let page = first; ; page = await read(page.nextCursor)) {
    yield page.items.map((row) => csvLine(Object.values(columns).map((cell) => cell(row)))).join('')
    if (page.nextCursor === null) return
  }
}
