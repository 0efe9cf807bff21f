import { setTimeout as delay } from 'node:timers/promises'
import { endpoints, headPlace } from '@lethe/infra'
import {
  CHECKPOINT_EVERY,
  type ChainFinding,
  HeadInvalid,
  headOrInvalid,
  lookAtSelf,
  verifyChainAtOnce,
  verifyProjection,
} from '@lethe/request-log'
import type { Command } from 'commander'
import { Pool } from 'pg'
import { environment, letheDatabaseUrl } from './config.js'
import { exitCodes, UsageError } from './exit.js'
import { addImportCommand } from './import-command.js'
import { green, red, table } from './render.js'
import type { Ports } from './request-commands.js'

interface Given {
  database?: string
  json?: boolean
}

/** What is told at most. */
const SHOWN = 20
/** Between two looks at what may just not have arrived yet. */
const ARRIVES_MS = 3_000

/** `tombstones import`, and `tombstones verify`: proves that no tombstone was changed, dropped, reordered or cut off. */
export function addTombstoneCommands(program: Command, ports: Ports): void {
  const tombstones = program.command('tombstones').description('the tombstones and their chain')
  addImportCommand(tombstones, ports)
  tombstones
    .command('verify')
    .description('compute the chain again; compare it with its checkpoints, the head file and the read model')
    .option('--database <url>', "Lethe's database (default: LETHE_OWNER_URL, else the local stack's)")
    .option('--json', 'print JSON')
    .action(async ({ database, json }: Given) => {
      const place = headPlace(environment)
      if (place === null)
        throw new UsageError(
          'nobody says where the head is kept: set LETHE_HEAD_FILE and LETHE_HEAD_SECRET as the services have them',
        )
      const pool = new Pool({
        connectionString: database ?? letheDatabaseUrl(endpoints().lethePostgresUrl),
        max: 1,
      })
      try {
        const head = headOrInvalid(place)
        const known = head instanceof HeadInvalid ? null : head
        const options = { secret: place.secret, head: known, checkpointEvery: CHECKPOINT_EVERY }
        const self = await lookAtSelf(pool, place)
        const chain = await verifyChainAtOnce(pool, options)
        const projection = await settled(pool)
        const report = { self, chain, projection }
        const clean = self.is === 'ok' && chain.total === 0 && projection.total === 0
        ports.print(json ? JSON.stringify({ clean, ...report }) : text(report))
        if (!clean) ports.setExit(exitCodes.failed)
      } finally {
        await pool.end()
      }
    })
}

/** What is on its way from the read model to the chain is told only when it stays. */
async function settled(pool: Pool) {
  const first = await verifyProjection(pool, Date.now())
  if (first.total === 0) return first
  await delay(ARRIVES_MS)
  return verifyProjection(pool, Date.now())
}

function text({
  self,
  chain,
  projection,
}: {
  self: Awaited<ReturnType<typeof lookAtSelf>>
  chain: Awaited<ReturnType<typeof verifyChainAtOnce>>
  projection: Awaited<ReturnType<typeof verifyProjection>>
}): string {
  const total = chain.total + projection.total
  const lines = [`${chain.records} records, ${projection.tombstones} tombstones`]
  if (self.is === 'unguarded') lines.push('no head has been kept yet: is the restore service running?')
  if (self.is === 'restored')
    lines.push(
      `${red('restored')}: Lethe's own database is not the one it last worked with (${self.reasons.join(', ')})`,
    )
  if (total === 0) lines.unshift(green('unbroken'))
  else {
    lines.unshift(`${red('broken')}: ${total} findings`)
    lines.push(table([heads, ...[...chain.findings, ...projection.findings].slice(0, SHOWN).map(row)]))
    lines.push('docs/restore.md says what each means and what to do.')
  }
  return lines.join('\n')
}

const heads = ['finding', 'partition', 'offset', 'tombstone']
const row = ({ code, partition, offset, tombstoneId }: ChainFinding): string[] => [
  code,
  String(partition ?? ''),
  String(offset ?? ''),
  tombstoneId ?? '',
]
