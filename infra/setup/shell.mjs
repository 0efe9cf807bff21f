import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A set-up problem a person can act on: printed as it is, without a stack trace. */
export class SetupError extends Error {
  name = 'SetupError'
}

/** First executable of that name on PATH, or null. */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, name)
    if (folder && isExecutable(candidate)) return candidate
  }
  return null
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(error.code)) return false
    throw error
  }
}

/** Standard output of a quick command, or null when it is missing or fails. */
export function outputOf(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000, ...options })
  return result.error || result.status !== 0 ? null : result.stdout.trim()
}

/**
 * Runs a command to its end. Its output is kept and shown only when it fails, unless `show` is set.
 * Rejects with a SetupError that holds the last lines of the output and `hint`, what to do next.
 */
export function run(command, args, { cwd, env, show = false, hint = '' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    })
    let kept = ''
    const keep = (chunk) => {
      kept = (kept + chunk).slice(-200_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', (cause) =>
      reject(new SetupError(`${command} could not be started: ${cause.message}. ${hint}`)),
    )
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(kept)
      const lines = kept.trim().split('\n')
      // What went wrong stands first with npm, last with most others.
      const shown = lines.length > 24 ? [...lines.slice(0, 8), '...', ...lines.slice(-15)] : lines
      const tail = shown.join('\n  ')
      reject(
        new SetupError(`"${[command, ...args].join(' ')}" ended with ${signal ?? code}.\n  ${tail}\n${hint}`),
      )
    })
  })
}
