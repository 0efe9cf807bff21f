import { execFileSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endpoints } from './endpoints.js'
import { type ProcessSpec, start, stop } from './stack/processes.js'
import { StateDir } from './stack/state.js'

/** Search servers that specs start for themselves; none of them is part of the stack. */
export type SearchServerName = 'elasticsearch7' | 'elasticsearch9' | 'opensearch3'

export interface SearchServer {
  readonly name: SearchServerName
  readonly version: string
  readonly port: number
  /** How it was started: to start it again on its own data after it was killed. */
  readonly spec: ProcessSpec
  /** The folder of its snapshot repositories. */
  readonly snapshots: string
  stop(): Promise<void>
}

interface Installed {
  readonly name: SearchServerName
  readonly version: string
  readonly home: string
  readonly java: string
}

/** Who may ask a server that asks for passwords, and what each may do. The first user must be a superuser. */
export interface Guard {
  readonly users: readonly { readonly name: string; readonly password: string; readonly role: string }[]
  /** Roles by name as Elasticsearch describes them; `superuser` is there already. */
  readonly roles: Readonly<Record<string, unknown>>
}

const HEAP = '512m'
const PORTS = 40
/** The user `nobody`, whom every system has: these servers refuse to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

/** Fetches the server if need be. Rejects with what this machine lacks, as a message for a person. */
export async function installSearchServer(name: SearchServerName): Promise<Installed> {
  const location = new URL('../setup/search-servers.mjs', import.meta.url).href
  const { searchServer } = (await import(location)) as {
    searchServer(name: SearchServerName): Promise<Installed>
  }
  return searchServer(name)
}

/**
 * Starts an empty server on loopback, recorded in the state folder like one of the stack, so that `down` ends what
 * a crash left. `stop` ends it and removes its data. With a `guard` (elasticsearch9 only) it asks for passwords.
 * Repositories of `neighbour` can be registered with it as well.
 */
export async function startSearchServer(
  installed: Installed,
  guard?: Guard,
  neighbour?: Pick<SearchServer, 'snapshots'>,
): Promise<SearchServer> {
  const state = new StateDir()
  const folder = mkdtempSync(join(tmpdir(), 'lethe-search-'))
  const port = await freePort()
  const asRoot = process.getuid?.() === 0
  const spec = specOf(installed, folder, port, asRoot, guard)
  if (neighbour) alsoReads(folder, neighbour)
  if (asRoot) handOver(folder)
  const record = () => state.record(spec.name)
  const end = async () => {
    const running = record()
    if (running) await stop(running, state)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await start(spec, state)
  } catch (error) {
    await end()
    throw error
  }
  const snapshots = snapshotsIn(folder)
  return { name: installed.name, version: installed.version, port, spec, snapshots, stop: end }
}

function specOf(
  installed: Installed,
  folder: string,
  port: number,
  asRoot: boolean,
  guard: Guard | undefined,
): ProcessSpec {
  const home = reachable(join(installed.home, 'server'), folder, asRoot)
  const launch = { elasticsearch7, elasticsearch9, opensearch3 }[installed.name](
    home,
    folder,
    port,
    installed.java,
  )
  if (guard) askForPasswords(folder, guard)
  return {
    ...launch,
    name: `${installed.name}-${process.pid}-${port}`,
    cwd: folder,
    ...(asRoot ? { user: NOBODY } : {}),
    ports: [port],
    healthy: () => answers(port, guard),
    deadlineMs: 180_000,
  }
}

type Launch = (
  home: string,
  folder: string,
  port: number,
  java: string,
) => Pick<ProcessSpec, 'command' | 'args' | 'env'>

const elasticsearch7: Launch = (home, folder, port, java) => {
  configure(folder, port, ['action.destructive_requires_name: true'])
  cpSync(join(home, 'config', 'log4j2.properties'), join(folder, 'config', 'log4j2.properties'))
  const jars = readdirSync(join(home, 'lib'))
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(home, 'lib', name))
  const properties = {
    'java.awt.headless': 'true',
    'file.encoding': 'UTF-8',
    'java.security.manager': 'allow',
    'java.io.tmpdir': join(folder, 'tmp'),
    'jna.tmpdir': join(folder, 'tmp'),
    'jna.nosys': 'true',
    'io.netty.noUnsafe': 'true',
    'io.netty.noKeySetOptimization': 'true',
    'io.netty.recycler.maxCapacityPerThread': '0',
    'io.netty.allocator.type': 'unpooled',
    'log4j.shutdownHookEnabled': 'false',
    'log4j2.disable.jmx': 'true',
    'log4j2.formatMsgNoLookups': 'true',
    'java.locale.providers': 'SPI,COMPAT',
    'es.networkaddress.cache.ttl': '60',
    'es.path.home': home,
    'es.path.conf': join(folder, 'config'),
    'es.distribution.flavor': 'oss',
    'es.distribution.type': 'zip',
    'es.bundled_jdk': 'false',
  }
  return {
    command: join(java, 'bin', 'java'),
    args: [
      ...[`-Xms${HEAP}`, `-Xmx${HEAP}`, '-XX:+UseSerialGC', '-Xss1m', '-XX:TieredStopAtLevel=1'],
      '--add-opens=java.base/java.io=ALL-UNNAMED',
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      ...['-cp', jars.join(':'), 'org.elasticsearch.bootstrap.Elasticsearch'],
    ],
    env: { HOME: folder, LIBFFI_TMPDIR: join(folder, 'tmp') },
  }
}

const elasticsearch9: Launch = (home, folder, port, java) => {
  configure(folder, port, ['xpack.security.enabled: false'])
  for (const name of readdirSync(join(home, 'config')))
    if (name !== 'elasticsearch.yml')
      cpSync(join(home, 'config', name), join(folder, 'config', name), { recursive: true })
  const options = join(folder, 'config', 'jvm.options')
  const text = readFileSync(options, 'utf8')
    .replaceAll('logs/', `${join(folder, 'logs')}/`)
    .replace('HeapDumpPath=data', `HeapDumpPath=${join(folder, 'data')}`)
    .replace(/^-XX:\+UseG1GC$/m, '')
  writeFileSync(options, text)
  return {
    command: join(home, 'bin', 'elasticsearch'),
    args: [],
    env: {
      ES_JAVA_HOME: java,
      ES_PATH_CONF: join(folder, 'config'),
      ES_TMPDIR: join(folder, 'tmp'),
      ES_JAVA_OPTS: `-Xms${HEAP} -Xmx${HEAP} -XX:+UseSerialGC -XX:TieredStopAtLevel=1`,
      CLI_JAVA_OPTS: '-XX:TieredStopAtLevel=1',
      HOME: folder,
      LIBFFI_TMPDIR: join(folder, 'tmp'),
    },
  }
}

const opensearch3: Launch = (home, folder, port, java) => {
  const jars = readdirSync(join(home, 'lib'))
    .sort()
    .map((name) => join(home, 'lib', name))
  return {
    command: join(java, 'bin', 'java'),
    args: [
      ...[`-Xms${HEAP}`, `-Xmx${HEAP}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      '--enable-native-access=ALL-UNNAMED',
      ...['-cp', [...jars, home].join(':'), 'Launch', String(port), join(folder, 'data')],
    ],
    env: { HOME: folder },
  }
}

function configure(folder: string, port: number, more: readonly string[]): void {
  for (const name of ['config', 'data', 'logs', 'snapshots', 'tmp'])
    mkdirSync(join(folder, name), { recursive: true })
  const lines = [
    'cluster.name: lethe-test',
    'node.name: n1',
    `path.data: ${join(folder, 'data')}`,
    `path.logs: ${join(folder, 'logs')}`,
    `path.repo: ${snapshotsIn(folder)}`,
    'network.host: 127.0.0.1',
    `http.port: ${port}`,
    `transport.port: ${port + 100}`,
    'discovery.type: single-node',
    'cluster.routing.allocation.disk.threshold_enabled: false',
    ...more,
  ]
  writeFileSync(join(folder, 'config', 'elasticsearch.yml'), `${lines.join('\n')}\n`)
}

const snapshotsIn = (folder: string): string => join(folder, 'snapshots')

function alsoReads(folder: string, { snapshots }: Pick<SearchServer, 'snapshots'>): void {
  const file = join(folder, 'config', 'elasticsearch.yml')
  const own = `path.repo: ${snapshotsIn(folder)}`
  const both = `path.repo: ${JSON.stringify([snapshotsIn(folder), snapshots])}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(own, both))
}

/** Users and roles in files: the index that usually holds them needs a module that is not there. */
function askForPasswords(folder: string, { users, roles }: Guard): void {
  const config = (name: string) => join(folder, 'config', name)
  const settings = [
    'xpack.security.enabled: true',
    // Document- and field-level security are not part of the basic licence.
    'xpack.license.self_generated.type: trial',
    'xpack.security.autoconfiguration.enabled: false',
    'xpack.security.http.ssl.enabled: false',
    'xpack.security.transport.ssl.enabled: false',
  ].join('\n')
  const file = config('elasticsearch.yml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('xpack.security.enabled: false', settings))
  const lines = (of: (user: Guard['users'][number]) => string) =>
    users.map((user) => `${of(user)}\n`).join('')
  writeFileSync(
    config('users'),
    lines(({ name, password }) => `${name}:${storedPassword(password)}`),
  )
  writeFileSync(
    config('users_roles'),
    lines(({ name, role }) => `${role}:${name}`),
  )
  // Each role begins a line: the file is cut there before it is read as YAML, which JSON is too.
  const described = Object.entries(roles).map(([name, role]) => `${name}: ${JSON.stringify(role)}\n`)
  writeFileSync(config('roles.yml'), described.join(''))
}

function storedPassword(password: string): string {
  const salt = randomBytes(32)
  const hash = pbkdf2Sync(password, salt, 10_000, 32, 'sha512')
  return `{PBKDF2}10000$${salt.toString('base64')}$${hash.toString('base64')}`
}

/** True when the node is ready to keep documents. */
async function answers(port: number, guard: Guard | undefined): Promise<boolean> {
  const [first] = guard?.users ?? []
  const credentials = first && Buffer.from(`${first.name}:${first.password}`).toString('base64')
  const url = `http://127.0.0.1:${port}/_cluster/health?wait_for_status=yellow&timeout=1s`
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(2_000),
      ...(credentials ? { headers: { authorization: `Basic ${credentials}` } } : {}),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    // Refused, reset or late: all of them mean "not yet".
    return false
  }
}

/** The cache may lie where only its owner can go; then the server's files are linked beside its data. */
function reachable(home: string, folder: string, asRoot: boolean): string {
  if (!asRoot) return home
  const copy = join(folder, 'server')
  try {
    execFileSync('cp', ['-al', home, copy], { stdio: 'ignore' })
  } catch {
    // Hard links do not reach across file systems.
    rmSync(copy, { recursive: true, force: true })
    cpSync(home, copy, { recursive: true })
  }
  return copy
}

/** Gives the folder away, but for the server's own files, which others only read. */
function handOver(folder: string): void {
  chmodSync(folder, 0o755)
  chownSync(folder, NOBODY.uid, NOBODY.gid)
  for (const name of ['config', 'data', 'logs', 'snapshots', 'tmp'])
    if (existsSync(join(folder, name)))
      execFileSync('chown', ['-R', `${NOBODY.uid}:${NOBODY.gid}`, join(folder, name)])
}

/** One of a few ports that is free, and whose neighbour for the nodes' own traffic is. */
async function freePort(): Promise<number> {
  const first = endpoints().ports.elasticsearch
  // Processes that start servers at the same time begin at different ports.
  for (let tried = 0; tried < PORTS; tried++) {
    const port = first + ((process.pid + tried) % PORTS)
    if ((await canListen(port)) && (await canListen(port + 100))) return port
  }
  throw new Error(`No port between ${first} and ${first + PORTS} is free for a search server`)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
