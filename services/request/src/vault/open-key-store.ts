import { statSync } from 'node:fs'
import { KeyDirectory } from './key-directory.js'
import { KeyFile } from './key-file.js'
import type { KeyStore } from './key-store.js'
import { type MasterSource, readMaster } from './master-key.js'

export interface OpenedKeyStore extends KeyStore {
  readonly intakeJwk: Readonly<Record<string, unknown>> | null
}

/** A file is a key file, a directory one of wrapped keys. @throws Error that names the path, never a key */
export function openKeyStore(path: string, master: MasterSource): OpenedKeyStore {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder ? new KeyDirectory(path, readMaster(master)) : new KeyFile(path)
}
