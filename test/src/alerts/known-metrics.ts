import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Labels by the name of a series; null: any label. */
export type KnownMetrics = ReadonlyMap<string, ReadonlySet<string> | null>

/** What Prometheus adds to every series, and the name of the process that startProcessMetrics adds. */
const EVERYWHERE = ['job', 'instance', 'service']

/** Not Lethe's own: what Prometheus itself and the client library's process metrics offer. */
const FOREIGN = [
  'up',
  'nodejs_eventloop_lag_p99_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
]

const registered =
  /\b(?:new )?(counter|gauge|histogram)\(\s*(?:\{\s*name:\s*)?(?:'([a-z_0-9]+)'|`\$\{prefix\}([a-z_0-9]+)`|\{\s*name\b(?!:))/gi

/** Every series the services register, read from their source: nothing is started. */
export function knownMetrics(root: string): KnownMetrics {
  const found = new Map<string, ReadonlySet<string> | null>(FOREIGN.map((name) => [name, null]))
  for (const file of ['packages', 'services'].flatMap((room) => sourcesBelow(join(root, room))))
    for (const [name, labels] of metricsIn(readFileSync(file, 'utf8'))) found.set(name, labels)
  return found
}

/** What one source file registers. A name that is put together from `prefix` is resolved; any other is not known. */
export function metricsIn(text: string): Map<string, ReadonlySet<string>> {
  const prefix = /const prefix = '([a-z_]+)'/.exec(text)?.[1] ?? ''
  // One list for all metrics of a file, where it has one.
  const shared = stringsIn(/const labelNames = \[([^\]]*)\]/.exec(text)?.[1] ?? '')
  const found = new Map<string, ReadonlySet<string>>()
  for (const match of text.matchAll(registered)) {
    const [, kind = '', plain, suffix] = match
    const name = plain ?? (suffix === undefined ? rateName(text, match.index) : prefix + suffix)
    if (name === null) continue
    const lists = callFrom(text, match.index).match(/\[[^\]]*\]/g) ?? []
    const labels = new Set([...EVERYWHERE, ...shared, ...lists.flatMap(stringsIn)])
    const suffixes = kind.toLowerCase() === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    for (const one of suffixes) found.set(name + one, one === '_bucket' ? new Set([...labels, 'le']) : labels)
  }
  return found
}

/** `const name = `${prefix}_x`` before a registration by that name. */
function rateName(text: string, at: number): string | null {
  const prefix = /const prefix = '([a-z_]+)'/.exec(text)?.[1]
  const name = text.slice(0, at).match(/const name = `\$\{prefix\}([a-z_0-9]+)`/)?.[1]
  return prefix === undefined || name === undefined ? null : prefix + name
}

const stringsIn = (text: string): string[] => [...text.matchAll(/'([a-z_]+)'/g)].map(([, one = '']) => one)

/** The text of a call up to its closing parenthesis. */
function callFrom(text: string, at: number): string {
  let depth = 0
  for (let index = text.indexOf('(', at); index < text.length; index++) {
    if (text[index] === '(') depth += 1
    if (text[index] === ')' && --depth === 0) return text.slice(at, index)
  }
  return text.slice(at)
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sourcesBelow(path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts') ? [path] : []
  })
}
