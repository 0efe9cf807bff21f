// `npm run verify`: everything that can be checked without a server, cheapest first. Each step is named
// and timed; the first failure is shown with what to do, and ends it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { installNodePackages, nodeBin, nodePackagesInstalled, projectEnv } from './setup/node-packages.mjs'
import { rootDir } from './setup/toolchain.mjs'

const bin = (name) => join(rootDir, 'node_modules', '.bin', name)
const rooms = ['schemas', 'packages', 'services', 'infra/src', 'test']

const steps = [
  {
    name: 'format and lint',
    command: [bin('biome'), 'ci', '--colors=off', '--error-on-warnings', '--diagnostic-level=warn', '.'],
    hint: 'npx biome check --write .   puts most of it right; the rest is named above.',
  },
  { name: 'compile', command: [bin('tsc'), '-b'], hint: 'Correct the types named above.' },
  {
    name: 'the console',
    command: [nodeBin, 'services/ops/scripts/build-console.ts'],
    hint: 'Correct what vite names above.',
  },
  {
    name: 'types, specs included',
    command: [bin('tsc'), '-p', 'tsconfig.check.json'],
    hint: 'Correct the types named above.',
  },
  {
    name: 'boundaries',
    command: [bin('depcruise'), '--config', '.dependency-cruiser.mjs', '--output-type', 'err-long', ...rooms],
    hint: 'An import crosses a boundary of .dependency-cruiser.mjs; the reason stands below each rule.',
    // A parser that no longer reads TypeScript would find no violation either.
    expect: (output) => Number(/\((\d+) modules/.exec(output)?.[1] ?? 0) > 100,
  },
  {
    name: 'generated files',
    command: [nodeBin, 'schemas/scripts/generate.ts', '--check'],
    hint: 'npm run generate   and commit what changed. A published schema is never edited: add a version.',
  },
  {
    name: 'schema versions',
    command: [nodeBin, 'schemas/scripts/check-versions.ts'],
    hint: 'A published schema is never edited: add the next version beside it, then npm run schemas:publish.',
  },
  {
    name: "the data map's schema for editors",
    command: [nodeBin, 'packages/connectors/scripts/data-map-schema.ts', '--check'],
    hint: 'node packages/connectors/scripts/data-map-schema.ts   and commit what changed.',
  },
  {
    name: 'the OpenAPI document',
    command: [nodeBin, 'services/request/scripts/openapi.ts', '--check'],
    hint: 'node services/request/scripts/openapi.ts   and commit what changed.',
  },
  {
    name: 'the OpenAPI document of ops',
    command: [nodeBin, 'services/ops/scripts/openapi.ts', '--check'],
    hint: 'node services/ops/scripts/openapi.ts   and commit what changed.',
  },
  {
    name: 'the OpenAPI document of restore',
    command: [nodeBin, 'services/restore/scripts/openapi.ts', '--check'],
    hint: 'node services/restore/scripts/openapi.ts   and commit what changed.',
  },
  {
    name: 'unit tests',
    command: [nodeBin, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'unit'],
    hint: 'npx vitest run --project unit <path>   runs one room.',
  },
]

function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: rootDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...projectEnv() },
    })
    let output = ''
    const keep = (chunk) => {
      output += chunk
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ ok: false, output: String(error) }))
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })
}

async function main() {
  if (!nodePackagesInstalled()) await installNodePackages()
  for (const { name, command, hint, expect } of steps) {
    const begin = Date.now()
    const { ok, output } = await run(command)
    const seconds = ((Date.now() - begin) / 1000).toFixed(1)
    if (ok && (expect?.(output) ?? true)) {
      console.log(`  ok      ${name} (${seconds} s)`)
      continue
    }
    console.log(`  FAILED  ${name} (${seconds} s)\n\n${output.trim()}\n\n${hint}`)
    return 1
  }
  return 0
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(error.message)
    process.exitCode = 1
  },
)
