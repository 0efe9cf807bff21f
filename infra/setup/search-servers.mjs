import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { isExecutable, run, SetupError, which } from './shell.mjs'
import { cacheDir, infraDir } from './toolchain.mjs'

// Search servers that only the tests of the elasticsearch connector start. They are not part of the stack, so
// they have a lock of their own: another version here leaves the stack's downloads alone.

const servers = {
  elasticsearch7: { version: '7.17.29', java: [11, 20], unpack: unpackElasticsearch7 },
  elasticsearch9: { version: '9.5.3', java: [21, 25], unpack: unpackElasticsearch9 },
  opensearch3: { version: '3.8.0', java: [21, 25], unpack: unpackOpenSearch3 },
}
export const searchServerNames = Object.keys(servers)

/**
 * The unpacked server and a JDK that runs it: `{ name, version, home, java }`. Fetches it by Maven when it is not
 * in the cache. Throws a SetupError saying what this machine lacks.
 */
export async function searchServer(name) {
  const { version, java } = servers[name]
  const jdk = findJdk(java)
  if (!jdk)
    throw new SetupError(`${name} needs a JDK of ${java.join(' to ')}; set LETHE_SEARCH_JAVA_HOMES to one.`)
  const home = homeOf(name)
  if (!existsSync(join(home, 'complete'))) await install(name, home, jdk)
  return { name, version, home, java: jdk }
}

/** Puts the server's archives into `folder`. */
export function fetchSearchServer(name, folder) {
  if (!which('mvn')) throw new SetupError(`${name} is fetched by Maven, and there is no mvn on the PATH.`)
  const pom = join(infraDir, 'search-servers', name)
  return run(
    'mvn',
    ['-B', '-q', '-ntp', '-f', pom, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime', COPY],
    { hint: 'Maven could not fetch the server. Check its settings (~/.m2/settings.xml) and the network.' },
  )
}

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

/** Named by what is fetched and by what is compiled beside it: a change of either is another home. */
function homeOf(name) {
  const { digest } = readLock()[name]
  const launcher = join(infraDir, 'search-servers', name, 'Launch.java')
  const own = existsSync(launcher)
    ? createHash('sha256').update(digest).update(readFileSync(launcher)).digest('hex')
    : digest
  return join(cacheDir(), `${name}-${own.slice(0, 12)}`)
}
const readLock = () => JSON.parse(readFileSync(join(infraDir, 'search-servers', 'lock.json'), 'utf8'))

/** It appears under its final name only when every file is the pinned one. */
async function install(name, home, jdk) {
  const work = `${home}.${process.pid}`
  await mkdir(join(work, 'archives'), { recursive: true })
  try {
    await fetchSearchServer(name, join(work, 'archives'))
    await verify(name, join(work, 'archives'))
    await servers[name].unpack(work, jdk)
    await rm(join(work, 'archives'), { recursive: true })
    await writeFile(join(work, 'complete'), `${servers[name].version}\n`)
    await rm(home, { recursive: true, force: true })
    await rename(work, home)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function verify(name, folder) {
  const { entries } = readLock()[name]
  const files = await readdir(folder)
  for (const { file, sha256 } of entries) {
    const bytes = files.includes(file) ? await readFile(join(folder, file)) : null
    const actual = bytes ? createHash('sha256').update(bytes).digest('hex') : 'missing'
    if (actual !== sha256)
      throw new SetupError(`${file} is not the pinned file (sha256 ${actual}, expected ${sha256}).`)
  }
  const extra = files.find((file) => !entries.some((entry) => entry.file === file))
  if (extra) throw new SetupError(`${extra} is not in search-servers/lock.json`)
}

/** The archive's one folder becomes `<work>/server`. */
async function unzip(work, version, jdk) {
  await run(join(jdk, 'bin', 'jar'), ['xf', join('archives', `elasticsearch-${version}.zip`)], { cwd: work })
  await rename(join(work, `elasticsearch-${version}`), join(work, 'server'))
}

async function unpackElasticsearch7(work, jdk) {
  const { version } = servers.elasticsearch7
  await unzip(work, version, jdk)
  // A plain jar is no module yet: it needs a folder with a descriptor and its own dependencies.
  const module = join(work, 'server', 'modules', 'reindex')
  await mkdir(module)
  for (const file of await readdir(join(work, 'archives')))
    if (file.endsWith('.jar')) cpSync(join(work, 'archives', file), join(module, file))
  const descriptor = {
    type: 'isolated',
    description:
      'The Reindex module adds APIs to reindex from one index to another or update documents in place.',
    version,
    name: 'reindex',
    classname: 'org.elasticsearch.reindex.ReindexPlugin',
    'java.version': '1.8',
    'elasticsearch.version': version,
    'extended.plugins': '',
    'has.native.controller': 'false',
  }
  const lines = Object.entries(descriptor).map(([key, value]) => `${key}=${value}\n`)
  await writeFile(join(module, 'plugin-descriptor.properties'), lines.join(''))
  await writeFile(
    join(module, 'plugin-security.policy'),
    [
      'grant { permission java.net.SocketPermission "*", "connect"; };',
      ...['elasticsearch-rest-client', 'httpasyncclient'].map(
        (jar) =>
          // The policy's own notation, not a template of JavaScript.
          `grant codeBase "$\{codebase.${jar}}" { permission java.net.NetPermission "getProxySelector"; };`,
      ),
      '',
    ].join('\n'),
  )
  // Licensed features these tests don't use; the start is quicker without them.
  for (const name of ['x-pack-core', 'x-pack-security'])
    await rm(join(work, 'server', 'modules', name), { recursive: true, force: true })
}

async function unpackElasticsearch9(work, jdk) {
  await unzip(work, servers.elasticsearch9.version, jdk)
  const bin = join(work, 'server', 'bin')
  for (const file of await readdir(bin)) await chmod(join(bin, file), 0o755)
}

async function unpackOpenSearch3(work, jdk) {
  await mkdir(join(work, 'server'))
  await rename(join(work, 'archives'), join(work, 'server', 'lib'))
  await mkdir(join(work, 'archives'))
  const source = join(infraDir, 'search-servers', 'opensearch3', 'Launch.java')
  const into = ['-d', join(work, 'server')]
  await run(join(jdk, 'bin', 'javac'), ['-cp', join(work, 'server', 'lib', '*'), ...into, source])
}

/** Newest full JDK of a range; a runtime without compiler and `jar` is none. */
function findJdk([lowest, highest]) {
  const found = jdkHomes().flatMap((home) => {
    const release = join(home, 'release')
    const complete = ['java', 'javac', 'jar'].every((tool) => isExecutable(join(home, 'bin', tool)))
    if (!complete || !existsSync(release)) return []
    const major = Number(/JAVA_VERSION="(\d+)/.exec(readFileSync(release, 'utf8'))?.[1])
    return major >= lowest && major <= highest ? [{ home, major }] : []
  })
  return found.sort((one, other) => other.major - one.major)[0]?.home ?? null
}

function jdkHomes() {
  const below = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])
  const given = (process.env.LETHE_SEARCH_JAVA_HOMES ?? '').split(':')
  const java = which('java')
  return [
    ...given,
    process.env.LETHE_JAVA_HOME,
    process.env.JAVA_HOME,
    ...below('/usr/lib/jvm'),
    ...below('/usr/java'),
    ...below('/opt/java'),
    ...below('/Library/Java/JavaVirtualMachines').map((home) => join(home, 'Contents', 'Home')),
    ...below(join(homedir(), '.sdkman/candidates/java')),
    ...below(join(homedir(), '.jdks')),
    java ? dirname(dirname(java)) : null,
  ].filter(Boolean)
}
