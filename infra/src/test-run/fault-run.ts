import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootDir } from '../stack/state.js'
import type { TestSummary } from './summary-reporter.js'

/**
 * Always the same schedule: what a change breaks is then found by the change. Its first thirteen faults are of all
 * nine kinds. Other seeds are for the long run.
 */
const SEED = '15795'

interface FaultResult {
  /** What this machine lacks for any run at all. */
  readonly impossible?: string
  readonly seed: number
  readonly interrupted: boolean
  readonly unhealthy: readonly string[]
  readonly without: Readonly<Record<string, string>>
  readonly verdicts: readonly {
    readonly invariant: number
    readonly title: string
    readonly violations: readonly string[]
    readonly skipped?: string
  }[]
}

/**
 * The short fault run, on a stack of its own: every invariant counts as a test. A run that could not be done
 * is a failure that names its output; kinds of faults this machine can not do are skipped with their reason.
 */
export async function faultRun(state: string, signal: AbortSignal): Promise<TestSummary> {
  const json = join(state, 'faults.json')
  const program = join(rootDir, 'test', 'faults', 'dist', 'main.js')
  // It finds ports and a state folder for itself: the other tests' are theirs.
  const { LETHE_STATE: _state, LETHE_PORT_OFFSET: _offset, ...env } = process.env
  await new Promise<void>((resolve, reject) => {
    const flags = ['--disable-warning=TimeoutNegativeWarning', program]
    const args = ['--short', '--seed', SEED, '--json', json]
    const child = spawn(process.execPath, [...flags, ...args], {
      cwd: rootDir,
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
    })
    signal.addEventListener('abort', () => child.kill('SIGTERM'))
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  if (!existsSync(json)) return broken('the fault run did not come to its end; its output stands above')
  return counted(JSON.parse(readFileSync(json, 'utf8')) as FaultResult)
}

function counted({ impossible, seed, interrupted, unhealthy, without, verdicts }: FaultResult): TestSummary {
  if (impossible)
    return { passed: 0, failed: 0, skipped: [{ title: 'faults', reason: impossible }], failures: [] }
  if (interrupted) return broken('the fault run was interrupted')
  const skipped = verdicts.flatMap(({ invariant, title, skipped: reason }) =>
    reason ? [{ title: `faults > invariant ${invariant}: ${title}`, reason }] : [],
  )
  const failures = verdicts.flatMap(({ invariant, title, violations }) =>
    violations.length > 0
      ? [{ title: `faults, seed ${seed} > invariant ${invariant}: ${title}`, message: violations[0] ?? '' }]
      : [],
  )
  for (const name of unhealthy)
    failures.push({ title: `faults, seed ${seed}`, message: `${name} was not healthy after the faults` })
  for (const [kind, reason] of Object.entries(without))
    skipped.push({ title: `faults > every fault of kind ${kind}`, reason })
  const judged = verdicts.filter(({ skipped: reason }) => !reason).length
  return {
    passed: judged - verdicts.filter(({ violations }) => violations.length > 0).length,
    failed: failures.length,
    skipped,
    failures,
  }
}

const broken = (message: string): TestSummary => ({
  passed: 0,
  failed: 1,
  skipped: [],
  failures: [{ title: 'faults', message }],
})
