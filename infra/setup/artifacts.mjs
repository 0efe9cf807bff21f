import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { run, SetupError, which } from './shell.mjs'
import { artifactsDir, findJava, infraDir, installedArtifacts, readLock } from './toolchain.mjs'

const PARALLEL_DOWNLOADS = 8

/** Bytes that `installArtifacts` would still fetch; 0 when the verified artefacts are there. */
export function artifactBytes() {
  return installedArtifacts() ? 0 : allEntries().reduce((sum, entry) => sum + entry.bytes, 0)
}

/**
 * Fetches the jars of Kafka, Connect, Debezium and the schema registry, checks every file against the
 * lock and unpacks the registry. The folder appears under its final name only when all of it is right,
 * so an interrupted run leaves nothing half done. Idempotent. Returns the folder.
 */
export async function installArtifacts() {
  const final = artifactsDir()
  if (installedArtifacts()) return final
  const work = `${final}.${process.pid}`
  await rm(work, { recursive: true, force: true })
  try {
    await fetchInto(work)
    await verify(work)
    await unpackRegistry(work)
    await writeFile(join(work, 'complete'), `${readLock().digest}\n`)
    await rm(final, { recursive: true, force: true })
    await rename(work, final)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return final
}

/** A mirror named by LETHE_MAVEN_REPO is read directly; otherwise Maven resolves, with its own settings. */
async function fetchInto(work) {
  const mirror = process.env.LETHE_MAVEN_REPO
  if (!mirror) return fetchWithMaven(work)
  try {
    await fetchFromMirror(mirror, work)
  } catch (cause) {
    if (!which('mvn')) throw new SetupError(`LETHE_MAVEN_REPO did not answer: ${cause.message}`)
    console.log(`  LETHE_MAVEN_REPO did not answer (${cause.message}); asking Maven instead`)
    await fetchWithMaven(work)
  }
}

function fetchWithMaven(work) {
  const java = findJava()
  return run(
    'mvn',
    [
      '-B',
      '-q',
      '-ntp',
      '-f',
      join(infraDir, 'maven'),
      `-Dlethe.target=${work}`,
      'dependency:copy-dependencies',
    ],
    {
      env: !which('java') && java?.home ? { JAVA_HOME: java.home } : {},
      hint: 'Maven could not fetch the servers. Check its settings (~/.m2/settings.xml) and the network, or set LETHE_MAVEN_REPO to a repository that can be read directly.',
    },
  )
}

async function fetchFromMirror(mirror, work) {
  const queue = allEntries()
  const worker = async () => {
    for (let entry = queue.pop(); entry; entry = queue.pop()) {
      const response = await fetch(`${mirror.replace(/\/$/, '')}/${entry.path}`)
      if (!response.ok) throw new Error(`${basename(entry.path)}: HTTP ${response.status}`)
      const file = join(work, entry.module, basename(entry.path))
      await mkdir(dirname(file), { recursive: true })
      await pipeline(Readable.fromWeb(response.body), createWriteStream(file))
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_DOWNLOADS }, worker))
}

/** Exactly the locked files with the locked contents: a missing, altered or extra file is refused. */
async function verify(work) {
  const expected = allEntries()
  for (const entry of expected) {
    const file = join(work, entry.module, basename(entry.path))
    const actual = existsSync(file) ? await sha256(file) : 'missing'
    if (actual !== entry.sha256)
      throw new SetupError(
        `${entry.path} is not the pinned file (sha256 ${actual}, expected ${entry.sha256}). Nothing was installed. Remove it from the local Maven repository (~/.m2/repository) and try again.`,
      )
  }
  const known = new Set(expected.map((entry) => `${entry.module}/${basename(entry.path)}`))
  for (const module of Object.keys(readLock().modules))
    for (const name of await readdir(join(work, module)))
      if (!known.has(`${module}/${name}`))
        throw new SetupError(`${module}/${name} is not in artifacts.lock.json`)
}

async function unpackRegistry(work) {
  const folder = join(work, 'registry')
  const [archive] = await readdir(folder)
  await run('tar', ['xzf', join(folder, archive), '-C', folder])
  await rm(join(folder, archive))
}

function allEntries() {
  return Object.entries(readLock().modules).flatMap(([module, entries]) =>
    entries.map((entry) => ({ ...entry, module })),
  )
}

async function sha256(file) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
