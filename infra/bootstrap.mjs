// Everything between a fresh clone and a running project, without a dependency, on Node 20 or newer:
//   node infra/bootstrap.mjs setup|demo|test|bench|faults [--no-install] [--docker] [arguments of the demo]
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { installArtifacts } from './setup/artifacts.mjs'
import { installJava } from './setup/java.mjs'
import { assess, MEMORY_MEGABYTES, refuseTakenPorts } from './setup/needs.mjs'
import { build, installNodePackages, nodeBin, projectEnv } from './setup/node-packages.mjs'
import { requireFound } from './setup/packages.mjs'
import { SetupError, which } from './setup/shell.mjs'
import { cacheDir, findPostgres, findRedis, rootDir } from './setup/toolchain.mjs'

const programs = {
  demo: 'test/dist/demo/main.js',
  test: 'infra/dist/test-main.js',
  bench: 'test/dist/bench/main.js',
  faults: 'test/faults/dist/main.js',
}

async function main([command, ...rest]) {
  refuseOldNode()
  if (command !== 'setup' && !(command in programs))
    throw new SetupError(
      'Usage: node infra/bootstrap.mjs setup|demo|test|bench|faults [--no-install] [--docker]',
    )
  const docker = rest.includes('--docker')
  const needs = assess({ install: !rest.includes('--no-install'), docker })
  if (command === 'test' || command === 'faults') needs.downloads.push(...searchServers())
  if (command === 'demo') await refuseTakenPorts()
  announce(command, needs)
  await provide(needs, docker)
  if (command === 'test' && !rest.includes('--no-install')) await provideForSpecs(needs.manager)
  await timed('compiling', build)
  if (command === 'setup') return 0
  const program = join(rootDir, programs[command])
  if (!existsSync(program)) throw new SetupError(`${programs[command]} is not part of this checkout.`)
  return handOver(
    program,
    rest.filter((argument) => argument !== '--no-install'),
  )
}

/** What a connector's specs fetch by themselves, with Maven, when they come to it. */
function searchServers() {
  const cached = existsSync(cacheDir()) ? readdirSync(cacheDir()) : []
  const sizes = { elasticsearch7: 40, elasticsearch9: 150, opensearch3: 75 }
  return Object.entries(sizes)
    .filter(([name]) => !cached.some((folder) => folder.startsWith(`${name}-`)))
    .map(([name, megabytes]) => ({ what: `${name}, for its connector's specs`, megabytes }))
}

function refuseOldNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20)
    throw new SetupError(`Node ${process.versions.node} is too old; Node 20 or newer is needed.`)
}

/** Says what will happen before it does. */
function announce(command, { downloads, system, manager }) {
  const total = downloads.reduce((sum, { megabytes }) => sum + megabytes, 0)
  const lines = downloads.map(({ what, megabytes }) => `    ${String(megabytes).padStart(4)} MB  ${what}`)
  const durations = {
    demo: 'about 1 minute',
    test: 'up to 40 minutes',
    bench: 'up to an hour, --quick 5 minutes',
    faults: 'the minutes asked for, and some to come to rest',
    setup: 'some seconds',
  }
  const duration = durations[command]
  console.log('Lethe')
  console.log(
    total > 0
      ? [`  downloads  about ${total} MB, kept in node_modules and ${cacheDir()}:`, ...lines].join('\n')
      : '  downloads  nothing; everything is here',
  )
  if (system.length > 0)
    console.log(
      `  installs   ${manager.packages(system).join(', ')} with ${manager.name} (their packages may start servers of their own on the usual ports; --no-install refuses)`,
    )
  console.log(
    `  memory     about ${MEMORY_MEGABYTES / 1000} GB while it runs, all of it on this machine, on loopback only`,
  )
  console.log(`  time       ${total > 0 ? `set-up 1 to 5 minutes, then ${duration}` : duration}\n`)
}

async function provide(needs, docker) {
  if (needs.system.length > 0) {
    await timed(`installing ${needs.manager.packages(needs.system).join(', ')}`, () =>
      needs.manager.install(needs.system),
    )
    if (!docker) requireFound(findPostgres(), 'PostgreSQL 15 or newer')
    if (!docker) requireFound(findRedis(), 'redis-server')
  }
  // npm and Maven wait for the network most of the time, so they wait together.
  await Promise.all([
    needs.nodePackages && timed('Node packages', installNodePackages),
    (async () => {
      if (needs.java) await timed('a Java runtime', installJava)
      if (needs.artifacts) await timed('Kafka, Connect, Debezium and the registry', installArtifacts)
    })(),
  ])
}

/** Tools that only specs need, which skip themselves without: their lack stops nothing. */
async function provideForSpecs(manager) {
  if (which('pgbackrest') || !manager?.may || !manager.knows('pgbackrest')) return
  await timed('installing pgbackrest', () => manager.install(['pgbackrest'])).catch((error) =>
    console.log(`  pgbackrest could not be installed (${error.message}); its specs are skipped`),
  )
}

async function timed(what, work) {
  const begin = Date.now()
  await work()
  console.log(`  ${what} (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
}

/** Runs the built program on the project's own node; Ctrl-C is its business, we wait for it to end. */
function handOver(program, args) {
  const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP']
  return new Promise((resolve, reject) => {
    const child = spawn(nodeBin, ['--disable-warning=TimeoutNegativeWarning', program, ...args], {
      cwd: rootDir,
      stdio: 'inherit',
      env: { ...process.env, ...projectEnv() },
    })
    for (const name of interrupts) process.on(name, () => name !== 'SIGINT' && child.kill(name))
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(error instanceof SetupError ? `\n${error.message}` : error)
    process.exitCode = 1
  },
)
