import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Findings {
  /** 0 when every check held for every case. */
  readonly code: number | null
  readonly output: string
}

export interface Questions {
  readonly program: string
  /** Which of the committed documents; request's when left out. */
  readonly document?: 'openapi.json' | 'restore.openapi.json'
  /** Where the service answers. */
  readonly url: string
  readonly token: string
  readonly seed: number
  /** These operations only. */
  readonly operations?: readonly string[]
  /** Whether the caller may read lists at all. */
  readonly reads?: boolean
  readonly phases: string
  readonly maxExamples: number
  /** Nothing new is asked after so long. */
  readonly seconds: number
}

const settings = `
headers = { Authorization = "Bearer \${LETHE_TEST_TOKEN}" }
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429, 503]
`
/** A cursor is what a list gave, which no schema can say, so one of the right form may be refused. */
const ofLists = (reads: boolean) => `
[[operations]]
include-operation-id = ["list", "verification"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404${reads ? '' : ', 403'}]
`

/** Nor can one say which kind of store a system is, and so of which kind the URL of its copy must be. */
const ofCopies = `
[[operations]]
include-operation-id = ["checkCopy", "probeCopy", "replayCopy"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422, 429, 503]
`

/** The committed OpenAPI document against the live service, with every check Schemathesis has. */
export async function askEverything(questions: Questions): Promise<Findings> {
  const { program, url, token, seed, operations = [], reads = true, phases, maxExamples, seconds } = questions
  const { document: name = 'openapi.json' } = questions
  const folder = mkdtempSync(join(tmpdir(), 'lethe-schemathesis-'))
  const config = join(folder, 'schemathesis.toml')
  writeFileSync(config, name === 'openapi.json' ? settings + ofLists(reads) : settings + ofCopies)
  const document = fileURLToPath(new URL(`../../../schemas/${name}`, import.meta.url))
  const only = operations.flatMap((id) => ['--include-operation-id', id])
  const child = spawn(
    program,
    [
      ...['--config-file', config, 'run', document, '--url', url, '--checks', 'all', '--no-color'],
      ...['--seed', String(seed), '--phases', phases, '--max-examples', String(maxExamples)],
      // One worker: two trip over a mistake of CPython 3.11 about threads that parse at once.
      ...['--max-time', String(seconds), '--workers', '1'],
      ...['--warnings', 'off', '--continue-on-failure', '--max-failures', '20', ...only],
    ],
    { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, LETHE_TEST_TOKEN: token } },
  )
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    return { code, output }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
