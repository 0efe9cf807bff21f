// Writes infra/artifacts.lock.json from the poms in infra/maven. Run it after changing a version there:
// node infra/scripts/lock-artifacts.mjs
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { run } from '../setup/shell.mjs'
import { infraDir } from '../setup/toolchain.mjs'

const target = mkdtempSync(join(tmpdir(), 'lethe-lock-'))
try {
  const goal = ['-Dmdep.useRepositoryLayout=true', `-Dlethe.target=${target}`, 'dependency:copy-dependencies']
  await run('mvn', ['-B', '-q', '-f', join(infraDir, 'maven'), ...goal])
  const modules = Object.fromEntries(['kafka', 'debezium', 'registry'].map((name) => [name, entries(name)]))
  const digest = createHash('sha256').update(JSON.stringify(modules)).digest('hex')
  writeFileSync(join(infraDir, 'artifacts.lock.json'), `${JSON.stringify({ digest, modules }, null, 2)}\n`)
} finally {
  rmSync(target, { recursive: true, force: true })
}

function entries(name) {
  const folder = join(target, name)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(jar|tar\.gz)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => {
      const bytes = readFileSync(file)
      return {
        path: relative(folder, file),
        sha256: createHash('sha256').update(bytes).digest('hex'),
        bytes: bytes.length,
      }
    })
}
