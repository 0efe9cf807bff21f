import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StateDir } from './state.js'

/** A caller of the request service in the local stack. */
interface Credential {
  id: string
  roles: string[]
  tenants: string[]
  systemId?: string
}

/** Everything secret that the local stack made for itself. Files lie in `secrets/`, mode 0600. */
export interface Secrets {
  /** JSON array of {id, sha256, roles, tenants, systemId?} for the request service. */
  credentialsFile: string
  /** `{current, epochs}` for the vault. */
  vaultKeysFile: string
  grantSecret: string
  /** `v1=<secret>` */
  peppers: string
  /** Signs the markers the restore service leaves in stores. */
  markerSecret: string
  /** Signs the head of Lethe's own database. */
  headSecret: string
  /** Shared by request and the probes' preview and resolve. */
  probeToken: string
  /** Bearer token of a credential. Throws when there is no such credential. */
  token(id: string): string
  /** Password of a role in PostgreSQL or a user in Redis. */
  password(user: PasswordUser): string
}

export const passwordUsers = [
  'lethe_request',
  'lethe_aggregator',
  'lethe_ops',
  'lethe_connect',
  'lethe_restore',
  'shop_eraser',
  'shop_probe',
  'shop_restore',
  'shop_app',
] as const
export type PasswordUser = (typeof passwordUsers)[number]

const systems = ['shop-pg', 'cache']

/** Who may call the request service: people, the shop's backend, and one eraser and probe per system. */
const credentials: Credential[] = [
  { id: 'viewer', roles: ['viewer'], tenants: ['*'] },
  { id: 'operator', roles: ['operator'], tenants: ['*'] },
  { id: 'privacy-officer', roles: ['privacy_officer'], tenants: ['*'] },
  { id: 'admin', roles: ['admin'], tenants: ['*'] },
  { id: 'restore', roles: ['restore'], tenants: ['*'] },
  // Restore drills erase people they made up, of a tenant of their own.
  { id: 'restore-drill', roles: ['service'], tenants: ['lethe-drill'] },
  { id: 'shop-backend', roles: ['service'], tenants: ['acme', 'globex'] },
  ...systems.flatMap((systemId) =>
    ['eraser', 'probe'].map((role) => ({
      id: `${role}-${systemId}`,
      roles: [role],
      tenants: ['*'],
      systemId,
    })),
  ),
]

/** Makes what is missing and keeps what is there: data sealed under yesterday's keys stays readable. */
export function readOrCreateSecrets(state: StateDir): Secrets {
  const folder = state.folder('secrets')
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o700)
  const secret = (name: string, make = () => randomBytes(32).toString('base64url')) =>
    readOrWrite(join(folder, name), make)
  const token = (id: string) => secret(`${id}.token`)
  const known = new Set(credentials.map(({ id }) => id))
  const password = (user: PasswordUser) => secret(`${user}.password`)
  for (const user of passwordUsers) password(user)
  const vaultKeysFile = join(folder, 'vault-keys.json')
  readOrWrite(vaultKeysFile, newVaultKeys)
  return {
    credentialsFile: writeCredentials(folder, token),
    vaultKeysFile,
    grantSecret: secret('grant.secret'),
    markerSecret: secret('marker.secret'),
    headSecret: secret('head.secret'),
    peppers: `v1=${secret('pepper-v1.secret')}`,
    probeToken: secret('probes.token'),
    token: (id) => {
      if (!known.has(id)) throw new Error(`The local stack has no credential "${id}"`)
      return token(id)
    },
    password,
  }
}

/** Derived from the token files, so it is written anew each time. */
function writeCredentials(folder: string, token: (id: string) => string): string {
  const file = join(folder, 'callers.json')
  const entries = credentials.map((credential) => ({
    ...credential,
    sha256: createHash('sha256').update(token(credential.id)).digest('hex'),
  }))
  writeFileSync(file, `${JSON.stringify(entries, null, 2)}\n`, { mode: 0o600 })
  return file
}

function newVaultKeys(): string {
  const epoch = new Date().toISOString().slice(0, 7)
  const intake = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const keys = { current: epoch, epochs: { [epoch]: randomBytes(32).toString('base64url') }, intake }
  return JSON.stringify(keys, null, 2)
}

function readOrWrite(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx' })
  return readFileSync(file, 'utf8').trim()
}
