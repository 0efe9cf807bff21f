// Writes infra/search-servers/lock.json from the poms beside it. Run it after changing a version there:
// node infra/scripts/lock-search-servers.mjs
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchSearchServer, searchServerNames } from '../setup/search-servers.mjs'
import { infraDir } from '../setup/toolchain.mjs'

const lock = {}
for (const name of searchServerNames) {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-lock-'))
  try {
    await fetchSearchServer(name, folder)
    const files = readdirSync(folder).sort()
    const entries = files.map((file) => {
      const bytes = readFileSync(join(folder, file))
      return { file, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
    })
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('hex')
    lock[name] = { digest, entries }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
writeFileSync(join(infraDir, 'search-servers', 'lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
