import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackContext } from './context.js'
import { StateDir } from './state.js'

/** The head lies with the data: whoever removes the databases removes it too. */
const PLACE = ['data', 'lethe-head', 'head.json'] as const

/** What request, aggregator and restore are given of the head of Lethe's own database. */
export const headOf = ({ state, secrets }: StackContext) => ({
  LETHE_HEAD_FILE: state.file(...PLACE),
  LETHE_HEAD_SECRET: secrets.headSecret,
})

/** Where the head is kept: as the environment says, else as the local stack has it; null where neither does. */
export function headPlace(
  env: Readonly<Record<string, string | undefined>>,
): { readonly file: string; readonly secret: string } | null {
  const { LETHE_HEAD_FILE: file, LETHE_HEAD_SECRET: secret } = env
  if (file && secret) return { file, secret }
  const state = new StateDir()
  const secretFile = join(state.path, 'secrets', 'head.secret')
  if (!existsSync(secretFile)) return null
  return { file: join(state.path, ...PLACE), secret: readFileSync(secretFile, 'utf8').trim() }
}
