import { type ChildProcess, spawn } from 'node:child_process'
import { TerminalError } from '@lethe/eraser-kit'
import { searchPath } from './config.js'

export interface Tool {
  readonly name: string
  /** Folders to look in first, separated by colons. */
  readonly folders: string | undefined
  readonly args: readonly string[]
  /** Added to the environment: passwords are given here, because everybody reads the list of processes. */
  readonly env?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** What a person can do, from what it printed; must quote no row. Undefined where nothing is known. */
  readonly advise?: (printed: string) => string | undefined
}

const MOST_PRINTED = 20_000
const GRACE_MS = 5_000

/** Runs a store's own tool to its end; what it printed. @throws TerminalError `tool_missing`, `tool_failed`; the signal's reason */
export async function runTool({ name, folders, args, env, signal, advise }: Tool): Promise<string> {
  signal.throwIfAborted()
  const child = spawn(name, args, {
    env: { PATH: searchPath(folders), LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => end(child)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const { code, printed } = await ended(child, name)
    signal.throwIfAborted()
    if (code === 0) return printed
    const more = advise?.(printed)
    throw new TerminalError(
      'tool_failed',
      `${name} ended with ${code}.${more === undefined ? '' : ` ${more}`}`,
    )
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function ended(child: ChildProcess, name: string): Promise<{ code: number | string; printed: string }> {
  let printed = ''
  const note = (chunk: Buffer) => {
    if (printed.length < MOST_PRINTED) printed += chunk.toString('utf8')
  }
  child.stdout?.on('data', note)
  child.stderr?.on('data', note)
  return new Promise((resolve, reject) => {
    child.once('error', () =>
      reject(
        new TerminalError(
          'tool_missing',
          `${name} can not be run: install the store's client tools here, or name their folders in LETHE_DRILL_TOOLS.`,
        ),
      ),
    )
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'nothing', printed }))
  })
}

function end(child: ChildProcess): void {
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  kill.unref()
  child.once('close', () => clearTimeout(kill))
}
