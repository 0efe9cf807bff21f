import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { asBytes, asText } from './disk.js'
import {
  admits,
  gateRules,
  hasGate,
  rulesFor,
  switchName,
  withGate,
  withoutGate,
  withoutGates,
} from './hba.js'
import { named, type PreparedGate, PrepareError, readable, systemNamed } from './prepare.js'
import { Server } from './server.js'
import { type Preparation, readSwitch, switchLines } from './switch.js'

export interface RunningServer {
  readonly systemId: string
  /** A superuser's, to any database of the server; without a password PGPASSWORD counts. */
  readonly url: string
  /** The one that is restored; it need not exist. That of the URL when absent. */
  readonly database?: string | undefined
  readonly replayRole: string
  /** Further roles that get in. */
  readonly admit?: readonly string[]
  /** Who fills the database; the URL's role when absent. */
  readonly restoringRole?: string | undefined
  readonly dryRun?: boolean
}

/**
 * Shuts the gate of one database on a running server, before a dump is restored into it: a rule by its name, which
 * holds whether it exists, is dropped or is made again. Everybody's sessions in it are ended. Idempotent: done again
 * while the gate is shut, whoever restores is left alone.
 *
 * @throws PrepareError
 */
export async function prepareRunningServer(given: RunningServer): Promise<PreparedGate> {
  const server = await Server.open(given.url)
  try {
    return await shutOn(server, given)
  } finally {
    await server.close()
  }
}

async function shutOn(server: Server, given: RunningServer): Promise<PreparedGate> {
  const { systemId, replayRole, admit = [], dryRun = false } = given
  const database = named('database', given.database ?? databaseOf(given.url))
  const restoring = named('restoring role', given.restoringRole ?? server.user)
  const { hbaFile } = server
  const switchFile = join(dirname(hbaFile), switchName(systemNamed(systemId)))
  const standing = await textOf(server, hbaFile)
  const switched = await server.read(switchFile)
  const { made, state } = switched === null ? { made: null, state: 'open' } : readSwitch(switched.toString())
  const already = made !== null && state === 'shut' && hasGate(standing, systemId)
  const original = withoutGates(readable(hbaFile, standing))
  const roles = [...new Set([replayRole, ...admit, restoring])].map((role) => named('admitted role', role))
  const rules = roles.flatMap((role) => {
    const own = rulesFor(original, asBytes(role), asBytes(database))
    if (admits(own)) return own.map(asText)
    throw new PrepareError(
      'not_admitted',
      `No rule of ${hbaFile} lets ${role} into ${database} by its name or by "all": add one, and prepare again.`,
    )
  })
  await refuseUnable(server, replayRole)
  const gated = withGate(standing, systemId, asBytes(gateRules(systemId, rules, database)))
  const next: Preparation = {
    systemId,
    restoreId: already ? made.restoreId : randomUUID(),
    way: 'running',
    restoring: [restoring],
    admitted: [...admit],
    settings: {},
    hbaFile: null,
  }
  const steps = [
    `shut the gate’s switch: ${switchFile}`,
    ...(gated === standing
      ? []
      : [`keep the rules as ${hbaFile}.before-lethe, and put the gate before them`]),
    already ? 'leave the sessions of whoever restores alone' : `end every session in ${database}`,
  ]
  const { restoreId, way } = next
  const prepared = { systemId, restoreId, way, hbaFile, switchFile, already, steps, warnings: [] }
  if (dryRun) return prepared
  const shut = Buffer.from(`${switchLines(next, 'shut').join('\n')}\n`)
  // Empty for an instant while it is written: a gate that is shut must not be read then.
  if (!switched?.equals(shut)) await server.write(switchFile, shut)
  if (gated !== standing) {
    await server.write(`${hbaFile}.before-lethe`, Buffer.from(original, 'latin1'))
    await replaceRules(server, standing, gated)
  }
  const reloadedAt = await server.reload()
  // Whoever is let in may come back at once, and would be ended for ever: only what was open before has to go.
  await server.endSessions(database, roles, already ? [replayRole, restoring] : [], reloadedAt)
  return prepared
}

/** Takes the gate out of the rules: whoever they let in gets in. Idempotent. */
export async function undoRunningServer(
  given: Pick<RunningServer, 'systemId' | 'url' | 'dryRun'>,
): Promise<{ readonly steps: readonly string[] }> {
  const server = await Server.open(given.url)
  try {
    const { systemId, dryRun = false } = given
    const standing = await textOf(server, server.hbaFile)
    const bare = withoutGate(standing, systemId)
    if (bare === standing) return { steps: [] }
    if (!dryRun) {
      await replaceRules(server, standing, bare)
      await server.reload()
    }
    return { steps: [`take the gate out of ${server.hbaFile}`] }
  } finally {
    await server.close()
  }
}

/** Whether the gate of a system stands shut on a running server. */
export async function isShutOn(given: Pick<RunningServer, 'systemId' | 'url'>): Promise<boolean> {
  const server = await Server.open(given.url)
  try {
    const text = await server.read(join(dirname(server.hbaFile), switchName(given.systemId)))
    if (text === null || readSwitch(text.toString()).state === 'open') return false
    return hasGate(await textOf(server, server.hbaFile), given.systemId)
  } finally {
    await server.close()
  }
}

/** Rules the server would not take are put back before it reads them. */
async function replaceRules(server: Server, from: string, to: string): Promise<void> {
  await server.write(server.hbaFile, Buffer.from(to, 'latin1'))
  const bad = await server.badRules()
  if (bad.length === 0) return
  await server.write(server.hbaFile, Buffer.from(from, 'latin1'))
  throw new PrepareError(
    'bad_rules',
    `The server would not take its pg_hba file with the gate: lines ${bad.join(', ')}. It is as it was; were those lines wrong before?`,
  )
}

async function refuseUnable(server: Server, role: string): Promise<void> {
  const lacking = await server.lacks(role)
  if (lacking === null)
    throw new PrepareError(
      'no_role',
      `There is no role ${role} on this server: name the one Lethe replays as.`,
    )
  if (lacking.length === 0) return
  throw new PrepareError(
    'missing_rights',
    `${role} could not open this gate again. Grant first:\n  ${lacking.join('\n  ')}`,
  )
}

async function textOf(server: Server, path: string): Promise<string> {
  const bytes = await server.read(path)
  if (bytes !== null) return bytes.toString('latin1')
  throw new PrepareError('no_hba', `The server can not read ${path}, its own pg_hba file.`)
}

function databaseOf(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  if (name !== '') return name
  throw new PrepareError(
    'no_database',
    'Which database is restored? Name it at the end of the URL or with --database.',
  )
}
