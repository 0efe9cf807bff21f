// Writes schemas/restore.openapi.json, this service's API for clients and tools; `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { openApiDocument } from '../dist/adapters/http/openapi.js'

const file = new URL('../../../schemas/restore.openapi.json', import.meta.url)
const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (current() !== text) {
  process.stderr.write(
    'schemas/restore.openapi.json is stale: run node services/restore/scripts/openapi.ts\n',
  )
  process.exitCode = 1
}

/** Reads null when the file was never written. */
function current(): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
