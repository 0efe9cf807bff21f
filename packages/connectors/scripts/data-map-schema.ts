// Writes schemas/data-map.schema.json, the data map's JSON Schema for editors; `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { kinds } from '@lethe/connectors/kinds'
import { jsonSchema } from '@lethe/data-map'

const file = new URL('../../../schemas/data-map.schema.json', import.meta.url)
const text = `${JSON.stringify(jsonSchema(kinds), null, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (current() !== text) {
  process.stderr.write(
    'schemas/data-map.schema.json is stale: run node packages/connectors/scripts/data-map-schema.ts\n',
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
