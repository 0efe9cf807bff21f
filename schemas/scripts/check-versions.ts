// A published version is never edited, and every version can read every other (FULL_TRANSITIVE).
// `--publish` records the digests of versions that are not recorded yet.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { incompatibilities, type SchemaVersion } from '../src/compatibility.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lockFile = join(root, 'published.lock.json')
const published: Record<string, string> = JSON.parse(readFileSync(lockFile, 'utf8'))
const problems: string[] = []
const digests: Record<string, string> = {}
const versions: SchemaVersion[] = []

for (const folder of ['log', 'messages']) {
  for (const name of readdirSync(join(root, folder)).sort()) {
    for (const file of readdirSync(join(root, folder, name)).sort()) {
      const path = `${folder}/${name}/${file}`
      const schema = JSON.parse(readFileSync(join(root, path), 'utf8'))
      digests[path] = createHash('sha256').update(JSON.stringify(schema)).digest('hex')
      versions.push({ subject: `${folder}/${name}`, version: Number(/\d+/.exec(file)?.[0]), schema })
    }
  }
}

for (const [path, digest] of Object.entries(published)) {
  if (!(path in digests)) problems.push(`schemas/${path} was published and is gone: restore it`)
  else if (digests[path] !== digest) {
    problems.push(
      `schemas/${path} was published and has been edited: restore it and add the next version beside it`,
    )
  }
}
for (const { subject, reader, writer, message } of incompatibilities(versions)) {
  problems.push(`schemas/${subject}: v${reader} cannot read what v${writer} wrote: ${message}`)
}
if (process.argv.includes('--publish')) {
  writeFileSync(lockFile, `${JSON.stringify({ ...digests, ...published }, null, 2)}\n`)
} else {
  for (const path of Object.keys(digests)) {
    if (!(path in published)) problems.push(`schemas/${path} is new: record it with npm run schemas:publish`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exitCode = 1
}
