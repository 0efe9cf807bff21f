import { readFileSync } from 'node:fs'
import { kinds } from '@lethe/connectors/kinds'
import { compilePlan, type DataMap, type Problem, parseDataMap } from '@lethe/data-map'
import type { Command } from 'commander'
import { exitCodes, UsageError } from './exit.js'
import { mapText, planText, problemsText } from './render-map.js'
import type { Ports } from './request-commands.js'

interface CheckOptions {
  offline?: boolean
  grants?: boolean
  json?: boolean
}

/** Proofs read the stores; a system that takes longer is reported as not checked by the service itself. */
const CHECK_MS = 90_000

/** `map check`. The stores are asked through their probes: this process holds no credentials of any store. */
export function addMapCommands(program: Command, ports: Ports): void {
  const map = program.command('map').description('the data map: what is held where, and how it goes')

  map
    .command('check [file]')
    .description('a data map, or the one in force, against the live stores; changes nothing')
    .option('--offline', 'only read the file and compile its plan; asks no store')
    .option('--no-grants', 'do not print the least rights each role needs')
    .option('--json', 'print JSON')
    .action((file: string | undefined, options: CheckOptions) => check(file, options, ports))
}

async function check(file: string | undefined, options: CheckOptions, ports: Ports): Promise<void> {
  if (options.offline && file === undefined) throw new UsageError('--offline needs a file to read')
  const text = file === undefined ? undefined : read(file)
  if (text !== undefined) {
    const parsed = parseDataMap(text, kinds)
    if (!parsed.ok) return refuse(file ?? '-', parsed.problems, options, ports)
    if (options.offline) return offline(parsed.map, options, ports)
  }
  const checked = await ports.client(CHECK_MS).checkMap(text)
  ports.print(options.json ? JSON.stringify(checked) : mapText(checked, options.grants !== false))
  if (!checked.ok) ports.setExit(exitCodes.failed)
}

function refuse(file: string, problems: readonly Problem[], options: CheckOptions, ports: Ports): void {
  ports.print(options.json ? JSON.stringify({ ok: false, problems }) : problemsText(file, problems))
  ports.setExit(exitCodes.failed)
}

function offline(map: DataMap, options: CheckOptions, ports: Ports): void {
  const tenant = 'constant' in map.tenant ? map.tenant.constant : 'any'
  const { steps } = compilePlan(map, kinds, tenant)
  const answer = { ok: true, version: map.version, digest: map.digest, steps }
  ports.print(options.json ? JSON.stringify(answer) : planText(map.version, steps))
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new UsageError('the data map can not be read: give the path of a file, or - for standard input', {
      cause,
    })
  }
}
