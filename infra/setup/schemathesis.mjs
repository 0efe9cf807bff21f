import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isExecutable, outputOf, run, SetupError, which } from './shell.mjs'
import { cacheDir, infraDir } from './toolchain.mjs'

// Schemathesis reads an OpenAPI document and asks the service everything it allows, and much that it does not.
// Only the tests use it, so it is fetched when they first come to it: into a virtual environment of its own.

export const SCHEMATHESIS_MEGABYTES = 25
const LEAST_PYTHON = [3, 11]
const requirements = join(infraDir, 'schemathesis.requirements.txt')

/** The environment's folder; another set of versions is another folder. */
const homeOf = () =>
  join(
    cacheDir(),
    `schemathesis-${createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)}`,
  )

export const schemathesisInstalled = () => existsSync(join(homeOf(), 'complete'))

/**
 * The program's path. Fetches it with pip, every file checked against its hash, when it is not in the cache.
 * Throws a SetupError saying what this machine lacks.
 */
export async function schemathesis() {
  const home = homeOf()
  if (!schemathesisInstalled()) await install(home)
  return join(home, 'bin', 'schemathesis')
}

/** A virtual environment knows its own path, so it is made where it stays; `complete` is written last. */
async function install(home) {
  const python = findPython()
  await mkdir(cacheDir(), { recursive: true })
  await rm(home, { recursive: true, force: true })
  const hint = "Schemathesis could not be fetched. Check the network and pip's settings (pip config list)."
  await run(python, ['-m', 'venv', home], {
    hint: 'Python cannot make virtual environments: install python3-venv.',
  })
  const flags = [
    '-q',
    '--disable-pip-version-check',
    '--only-binary',
    ':all:',
    '--require-hashes',
    '-r',
    requirements,
  ]
  await run(join(home, 'bin', 'python'), ['-m', 'pip', 'install', ...flags], { hint })
  await writeFile(join(home, 'complete'), '')
}

/** @throws SetupError when there is no Python that can run it */
function findPython() {
  const wanted = LEAST_PYTHON.join('.')
  for (const name of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11']) {
    const python = which(name)
    const version = python && isExecutable(python) ? outputOf(python, ['--version']) : null
    const [, major, minor] = /(\d+)\.(\d+)/.exec(version ?? '') ?? []
    if (Number(major) === LEAST_PYTHON[0] && Number(minor) >= LEAST_PYTHON[1]) return python
  }
  throw new SetupError(`Schemathesis needs Python ${wanted} or newer, and there is none on the PATH.`)
}
