import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { asBytes, asText, Disk } from './disk.js'
import {
  admits,
  gateRules,
  gatesIn,
  rulesFor,
  switchName,
  withGate,
  withoutGate,
  withoutGates,
} from './hba.js'
import { named, type PreparedGate, PrepareError, readable, systemNamed } from './prepare.js'
import { settingFrom, settingIn, withSettings } from './settings.js'
import { type Preparation, readSwitch, switchLines } from './switch.js'

export interface RestoredDirectory {
  readonly systemId: string
  readonly dataDirectory: string
  /** Who alone gets in until the gate opens. */
  readonly replayRole: string
  /** Further roles that get in, such as a probe's. */
  readonly admit?: readonly string[]
  /** The postgresql.conf it will be started with; the one of the data directory when absent. */
  readonly configFile?: string | undefined
  /** Where the gate's files go: outside the data directory; `<data directory>.lethe-gate` when absent. */
  readonly gateDirectory?: string | undefined
  readonly dryRun?: boolean
}

const OLDEST = 13
/** `lethe.gate` means nothing to the server; it tells a replay role that can't read files that there is a gate. */
const SETTINGS = ['hba_file', 'hot_standby', 'lethe.gate'] as const

/**
 * Shuts the gate of a restored data directory before its server starts for the first time. Nobody but the replay role
 * gets in, in recovery nobody at all. Idempotent; until it has returned, the server must not be started.
 *
 * @throws PrepareError
 */
export function prepareDataDirectory(given: RestoredDirectory): PreparedGate {
  const place = placeOf(given)
  const { disk, autoConf, auto, ours, switchFile, made, state } = place
  const { systemId, replayRole, admit = [], dryRun = false } = given
  const steps: string[] = []
  const already = made !== null && state === 'shut' && settingIn(auto, 'hba_file') === ours
  const hbaFile = originalHba(place)
  const original = withoutGates(readable(hbaFile, disk.read(hbaFile) ?? missing(hbaFile)))
  const roles = [replayRole, ...admit].map((role) => named('admitted role', role))
  const admitted = roles.flatMap((role) => admittedBy(original, role, hbaFile))
  const settings = already
    ? made.settings
    : Object.fromEntries(SETTINGS.map((name) => [name, before(place, name)]))
  const next: Preparation = {
    systemId,
    restoreId: already ? made.restoreId : randomUUID(),
    way: 'first_start',
    restoring: [],
    admitted: [...admit],
    settings,
    hbaFile,
  }
  // The other systems of the same server keep their gates.
  const standing = disk.read(ours)
  const rules = withGate(
    standing !== null && settingIn(auto, 'hba_file') === ours ? standing : original,
    systemId,
    asBytes(gateRules(systemId, admitted.map(asText), null)),
  )
  const shut = withSettings(auto, { hba_file: ours, hot_standby: 'off', 'lethe.gate': systemId })
  const write = (path: string, bytes: string, what: string) => {
    if (disk.read(path) === bytes) return
    steps.push(`${what}: ${path}`)
    if (!dryRun) disk.write(path, bytes)
  }
  if (!dryRun) disk.folder(dirname(ours))
  write(switchFile, asBytes(`${switchLines(next, 'shut').join('\n')}\n`), 'shut the gate’s switch')
  write(ours, rules, 'write a pg_hba file that admits nobody else')
  // Last: until then the server would start as it always did.
  write(autoConf, shut, 'make the server read it, and serve nobody while it recovers')
  const { restoreId, way } = next
  return { systemId, restoreId, way, hbaFile: ours, switchFile, already, steps, warnings: warningsOf(place) }
}

/** Takes all of it back, gate included: whoever starts the server then lets everybody in. Idempotent. */
export function undoDataDirectory(
  given: Pick<RestoredDirectory, 'systemId' | 'dataDirectory' | 'configFile' | 'gateDirectory' | 'dryRun'>,
): { readonly steps: readonly string[]; readonly wasShut: boolean } {
  const { disk, autoConf, auto, ours, switchFile, made, state } = placeOf(given, { mayRun: true })
  const { systemId, dryRun = false } = given
  const steps: string[] = []
  const write = (path: string, bytes: string, what: string) => {
    if (disk.read(path) === bytes) return
    steps.push(`${what}: ${path}`)
    if (!dryRun) disk.write(path, bytes)
  }
  const hba = disk.read(ours)
  const others = hba === null ? '' : withoutGate(hba, systemId)
  if (settingIn(auto, 'hba_file') === ours && others === withoutGates(others)) {
    const back = Object.fromEntries(SETTINGS.map((name) => [name, made?.settings[name] ?? null]))
    write(autoConf, withSettings(auto, back), 'give the server its settings back')
  }
  // A server that runs still reads it until its next start.
  if (hba !== null) write(ours, others, 'take the gate out of the pg_hba file')
  if (disk.read(switchFile) !== null) {
    steps.push(`remove the switch: ${switchFile}`)
    if (!dryRun) disk.remove(switchFile)
  }
  return { steps, wasShut: state === 'shut' }
}

/** Whether a gate stands shut there. */
export const isShut = (
  given: Pick<RestoredDirectory, 'systemId' | 'dataDirectory' | 'configFile' | 'gateDirectory'>,
): boolean => placeOf(given, { mayRun: true }).state === 'shut'

interface Place {
  readonly dataDirectory: string
  readonly disk: Disk
  readonly configFile: string
  readonly autoConf: string
  readonly auto: string
  /** The gate's own pg_hba file. */
  readonly ours: string
  readonly switchFile: string
  readonly made: Preparation | null
  /** Its own, or that of another system of the same server: what was there before either. */
  readonly earlier: Preparation | null
  readonly state: 'shut' | 'open'
}

function placeOf(
  given: Pick<RestoredDirectory, 'systemId' | 'dataDirectory' | 'configFile' | 'gateDirectory'>,
  { mayRun = false } = {},
): Place {
  const dataDirectory = resolve(given.dataDirectory)
  if (!existsSync(dataDirectory))
    throw new PrepareError('no_directory', `There is no ${dataDirectory}: restore the backup into it first.`)
  const disk = new Disk(dataDirectory)
  const version = Number.parseInt(disk.read(join(dataDirectory, 'PG_VERSION')) ?? '', 10)
  if (Number.isNaN(version) || !existsSync(join(dataDirectory, 'global', 'pg_control')))
    throw new PrepareError(
      'no_data_directory',
      `${dataDirectory} is no data directory of PostgreSQL: PG_VERSION or global/pg_control is missing.`,
    )
  if (version < OLDEST)
    throw new PrepareError('too_old', `PostgreSQL ${version} is too old: ${OLDEST} and later are supported.`)
  if (!mayRun) refuseRunning(disk, dataDirectory)
  const configFile = given.configFile ? resolve(given.configFile) : join(dataDirectory, 'postgresql.conf')
  const autoConf = join(dataDirectory, 'postgresql.auto.conf')
  const gateDirectory = resolve(given.gateDirectory ?? `${dataDirectory}.lethe-gate`)
  if (`${gateDirectory}/`.startsWith(`${dataDirectory}/`))
    throw new PrepareError(
      'gate_inside',
      'The gate’s files must lie outside the data directory: the next restore would overwrite them.',
    )
  if (gateDirectory.includes("'") || gateDirectory.includes('\n'))
    throw new PrepareError(
      'invalid_name',
      'The path of the gate’s files may hold no quote and no line’s end.',
    )
  const switchFile = join(gateDirectory, switchName(systemNamed(given.systemId)))
  const ours = join(gateDirectory, 'pg_hba.conf')
  const switched = disk.read(switchFile)
  const { made, state } =
    switched === null ? { made: null, state: 'open' as const } : readSwitch(asText(switched))
  return {
    dataDirectory,
    disk,
    configFile,
    autoConf,
    auto: disk.read(autoConf) ?? '',
    ours,
    switchFile,
    made,
    earlier: made ?? madeForAnother(disk, ours),
    state,
  }
}

function madeForAnother(disk: Disk, ours: string): Preparation | null {
  const texts = gatesIn(disk.read(ours) ?? '').map((id) => disk.read(join(dirname(ours), switchName(id))))
  return texts.map((text) => readSwitch(asText(text ?? '')).made).find((made) => made !== null) ?? null
}

/** The first line of postmaster.pid is the server's process; a copied one may be nobody's. */
function refuseRunning(disk: Disk, dataDirectory: string): void {
  const pidFile = join(dataDirectory, 'postmaster.pid')
  const text = disk.read(pidFile)
  if (text === null) return
  const pid = Math.abs(Number.parseInt(text, 10))
  if (!(pid > 0) || !runs(pid)) return
  throw new PrepareError(
    'running',
    `A server runs in ${dataDirectory} (process ${pid}): stop it first; its people would be in before any gate. If the file was only copied, remove ${pidFile}.`,
  )
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code !== 'ESRCH'
  }
}

/** The file the server would read without the gate. */
function originalHba({ disk, configFile, auto, ours, earlier, dataDirectory }: Place): string {
  const inAuto = settingIn(auto, 'hba_file')
  if (inAuto === ours && earlier?.hbaFile) return earlier.hbaFile
  const config = disk.read(configFile)
  if (config === null)
    throw new PrepareError(
      'no_config',
      `There is no ${configFile}: name the postgresql.conf the server will be started with (--config-file).`,
    )
  const set =
    inAuto !== null && inAuto !== ours ? inAuto : settingFrom(configFile, 'hba_file', disk.read, disk.list)
  if (set === null) return join(dataDirectory, 'pg_hba.conf')
  const path = asText(set)
  return isAbsolute(path) ? path : join(dataDirectory, path)
}

/** A value of ours is no value of theirs: a backup may have been taken while an opened gate still stood. */
function before({ auto, ours, earlier }: Place, name: (typeof SETTINGS)[number]): string | null {
  if (name === 'lethe.gate') return null
  if (settingIn(auto, 'hba_file') === ours) return earlier?.settings[name] ?? null
  return settingIn(auto, name)
}

function admittedBy(original: string, role: string, hbaFile: string): string[] {
  const rules = rulesFor(original, asBytes(role), null)
  if (admits(rules)) return rules
  throw new PrepareError(
    'not_admitted',
    `No rule of ${hbaFile} lets ${role} in by its name or by "all": add one, such as "host all ${role} <address> scram-sha-256", and prepare again.`,
  )
}

function warningsOf({ disk, dataDirectory, configFile, auto }: Place): string[] {
  const warnings: string[] = []
  const setting = (name: string) =>
    settingIn(auto, name) ?? settingFrom(configFile, name, disk.read, disk.list)
  const recovers = existsSync(join(dataDirectory, 'recovery.signal'))
  const targets = ['recovery_target', 'recovery_target_time', 'recovery_target_name', 'recovery_target_xid']
  const stops = [...targets, 'recovery_target_lsn'].some((name) => setting(name))
  if (recovers && stops && (setting('recovery_target_action') ?? 'pause') === 'pause')
    warnings.push(
      'recovery_target_action is pause: while nobody is served the server stops at the target instead. Set it to promote and start again.',
    )
  if (existsSync(join(dataDirectory, 'standby.signal')))
    warnings.push('standby.signal is there: a standby is never replayed; it opens after it was promoted.')
  warnings.push(
    'A server started with hba_file or hot_standby on its command line ignores this gate; Lethe then calls the restore unhooked.',
  )
  return warnings
}

function missing(path: string): never {
  throw new PrepareError(
    'no_hba',
    `There is no ${path}, which the server would read: is ${basename(path)} elsewhere?`,
  )
}
