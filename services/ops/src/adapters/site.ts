import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

export interface SiteFile {
  readonly type: string
  readonly plain: Buffer
  readonly gzipped: Buffer
}

/** The built console, whole in memory; it is small. */
export interface Site {
  readonly page: SiteFile
  /** By name, as in `/assets/<name>`. */
  readonly assets: ReadonlyMap<string, SiteFile>
}

/** Where the console's build leaves it; the same from the sources and from what they are compiled to. */
const BUILT = fileURLToPath(new URL('../../console/dist/site/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** @returns null when the console was not built: the API needs none */
export function readSite(folder = BUILT): Site | null {
  if (!existsSync(join(folder, 'index.html'))) return null
  const names = readdirSync(join(folder, 'assets')).filter((name) => extname(name) in types)
  return {
    page: readFile(join(folder, 'index.html')),
    assets: new Map(names.map((name) => [name, readFile(join(folder, 'assets', name))])),
  }
}

function readFile(path: string): SiteFile {
  const plain = readFileSync(path)
  return { type: types[extname(path)] as string, plain, gzipped: gzipSync(plain, { level: 9 }) }
}
