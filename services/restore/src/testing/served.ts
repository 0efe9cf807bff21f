import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Credentials, createLogger, type RunningService, startService } from '@lethe/service-host'
import { Module } from '@nestjs/common'
import { CopiesController } from '../adapters/http/copies.controller.js'
import { RestoresController } from '../adapters/http/restores.controller.js'
import { Copies } from '../application/copies.js'
import { Restores } from '../application/restores.js'
import type { RestoreProcess } from './process.js'

@Module({})
class Served {}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RestoreServer {
  readonly url: string
  /** Of an officer, who may do everything that people may. */
  readonly token: string
  /** A folder that goes with it. */
  readonly folder: string
  /** The command line as an operator calls it, to its end. */
  lethe(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>
  close(): Promise<void>
}

/** A process of the service over HTTP, for whoever asks it with the command line or the client. */
export async function served({ restores }: RestoreProcess, copies: Copies): Promise<RestoreServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-served-'))
  const token = 'token-of-pia-the-officer'
  const sha256 = createHash('sha256').update(token).digest('hex')
  const file = join(folder, 'credentials.json')
  const officer = { id: 'pia', sha256, roles: ['privacy_officer'], tenants: ['*'] }
  writeFileSync(file, JSON.stringify([officer]), { mode: 0o600 })
  const service: RunningService = await startService({
    name: 'restore-spec',
    module: {
      module: Served,
      controllers: [RestoresController, CopiesController],
      providers: [
        { provide: Restores, useValue: restores },
        { provide: Copies, useValue: copies },
        { provide: Credentials, useValue: Credentials.read(file) },
      ],
    },
    port: 0,
    logger: createLogger('restore-spec', { level: 'silent' }),
  })
  const url = service.url
  return {
    url,
    token,
    folder,
    lethe: (args, env = {}) =>
      lethe(args, { LETHE_RESTORE_URL: url, LETHE_TOKEN: token, LETHE_STATE: folder, ...env }),
    close: async () => {
      await service.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

function lethe(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const program = fileURLToPath(new URL('../../../../packages/cli/bin/lethe.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ran = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (ran.out += chunk))
  child.stderr.on('data', (chunk) => (ran.err += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...ran }))
  })
}
