import { chmod, chown, copyFile, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TerminalError } from '@lethe/eraser-kit'
import { type AclForm, switchedOff } from './acl-lines.js'

export interface Preparing {
  /** The server's ACL file, or its configuration where the users stand in that. */
  readonly file: string
  readonly form: AclForm
  /** The only user that stays on: the restore service's. */
  readonly replayUser: string
  /** Only says what would be done. */
  readonly dryRun?: boolean
}

export interface PreparedServer {
  readonly file: string
  /** The file as it was; null where nothing was changed. */
  readonly original: string | null
  readonly changed: boolean
  /** Who is off until the gate opens. */
  readonly shut: readonly string[]
}

/**
 * Shuts a Redis before its first start on a restored copy: written into the file it reads its users from. Undone only
 * by the opening of the gate. Idempotent; a crash leaves the old file or the new one.
 *
 * @throws TerminalError `acl_unfit` when the file can't be read or does not name the replay user.
 */
export async function prepareRedis({
  file,
  form,
  replayUser,
  dryRun = false,
}: Preparing): Promise<PreparedServer> {
  const before = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TerminalError('acl_unfit', 'The file of the users can not be read.', { cause })
  })
  const { text, shut } = switchedOff(before, replayUser, form)
  if (text === before || dryRun) return { file, original: null, changed: text !== before, shut }
  const original = `${file}.before-restore`
  await copyFile(file, original)
  await replace(file, text)
  return { file, original, changed: true, shut }
}

/** In one step, with owner and mode as they were: the server must be able to read it, and to write it at the opening. */
async function replace(file: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(file)
  const next = `${file}.${process.pid}.new`
  const handle = await open(next, 'w', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await chmod(next, mode & 0o7777)
  if (process.getuid?.() === 0) await chown(next, uid, gid)
  await rename(next, file)
  const folder = await open(dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
