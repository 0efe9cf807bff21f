// Builds the console into services/ops/console/dist/site, from where the service serves it. What is up to date is
// left alone: the digest of everything that goes in stands beside what came out.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../console/', import.meta.url))
const site = join(root, 'dist', 'site')
const mark = join(root, 'dist', 'built-from')
const inputs = ['package.json', 'vite.config.ts', 'index.html', 'public', 'src']
const lockfile = fileURLToPath(new URL('../../../package-lock.json', import.meta.url))

function filesOf(path: string): string[] {
  const full = join(root, path)
  if (path.includes('.')) return [full]
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Of the sources, and of the versions that build them and go in. */
function digestOfInputs(): string {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  const hash = createHash('sha256')
  for (const name of ['react', 'react-dom', 'scheduler', 'vite', 'rolldown'])
    hash.update(`${name} ${packages[`node_modules/${name}`]?.version}\n`)
  for (const file of inputs.flatMap(filesOf))
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

/** Resolves to the folder of the site; builds only when something that goes in has changed. */
export async function buildConsole(): Promise<string> {
  const digest = digestOfInputs()
  if (existsSync(site) && existsSync(mark) && readFileSync(mark, 'utf8') === digest) return site
  // Not before it is needed: most of the time nothing is built.
  const { build } = await import('vite')
  await build({ configFile: join(root, 'vite.config.ts') })
  writeFileSync(mark, digest)
  return site
}

if (import.meta.main) await buildConsole()
