import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { outputOf, run } from './shell.mjs'
import { rootDir } from './toolchain.mjs'

/** Node 24 from the npm package `node`: what the project runs on, whatever node started the bootstrap. */
export const nodeBin = join(rootDir, 'node_modules', '.bin', 'node')

/** Environment in which the project's own node and tools come first. */
export const projectEnv = () => ({
  PATH: `${join(rootDir, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
})

/** True when node_modules holds what the lockfile says and its node runs. */
export function nodePackagesInstalled() {
  const hidden = join(rootDir, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden) || outputOf(nodeBin, ['--version']) === null) return false
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(rootDir, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') ||
      entry.optional ||
      entry.link ||
      installed[path]?.version === entry.version,
  )
}

/**
 * Installs the versions of the lockfile and leaves it as it is. Not `npm ci`: that refuses a lockfile in
 * which packages for other platforms are missing, and a registry need not have those at all.
 */
export function installNodePackages() {
  // npm itself must not run on the node it is about to replace.
  const PATH = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.startsWith(join(rootDir, 'node_modules')))
    .join(delimiter)
  return run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: rootDir,
    env: { PATH, NX_DAEMON: 'false' },
    hint: 'npm could not install the packages. Check the network and the registry that npm is set up with (npm config get registry).',
  })
}

/** Compiles every project, and the console of ops; what is up to date is skipped. */
export async function build() {
  await run(join(rootDir, 'node_modules', '.bin', 'tsc'), ['-b'], {
    cwd: rootDir,
    env: projectEnv(),
    hint: 'The sources do not compile; the errors are above.',
  })
  await run(nodeBin, ['services/ops/scripts/build-console.ts'], {
    cwd: rootDir,
    env: projectEnv(),
    hint: 'The console does not build; the errors are above.',
  })
}
