import { readJsonFile } from '@lethe/service-host'
import { z } from 'zod'

export interface EpochKey {
  readonly epoch: string
  /** 32 bytes, AES-256. */
  readonly key: Buffer
}

/** Where epoch keys live: never in PostgreSQL, so that destroying one shreds its entries in every backup. */
export interface KeyStore {
  /** The key new entries are sealed under. */
  current(): EpochKey
  /** null when the epoch was destroyed or never existed; the caller must fail closed. */
  find(epoch: string): EpochKey | null
  epochs(): readonly string[]
}

const keyFile = z.object({
  current: z.string().min(1),
  epochs: z.record(z.string().min(1), z.base64url()),
  /** Private JWK of the intake key pair (EC P-256). */
  intake: z.record(z.string(), z.unknown()).optional(),
})

export interface KeyFile {
  readonly store: KeyStore
  readonly intakeJwk: Readonly<Record<string, unknown>> | null
}

/**
 * Keys from a JSON file `{current, epochs: {<epoch>: <32 bytes base64url>}, intake: <private JWK>}`.
 * @throws when the file is missing, malformed, names a current epoch it does not hold, or a key is not 32 bytes.
 */
export function openKeyFile(path: string): KeyFile {
  const parsed = keyFile.safeParse(readJsonFile(path))
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the file').join(', ')
    throw new Error(`the vault key file ${path} is malformed at: ${where}`)
  }
  const keys = new Map<string, EpochKey>()
  for (const [epoch, encoded] of Object.entries(parsed.data.epochs)) {
    const key = Buffer.from(encoded, 'base64url')
    if (key.length !== 32)
      throw new Error(`epoch ${epoch} of the vault key file ${path} is not 32 bytes long`)
    keys.set(epoch, { epoch, key })
  }
  return { store: keyStoreOf(parsed.data.current, keys), intakeJwk: parsed.data.intake ?? null }
}

/** @throws when `current` is not among the keys. */
export function keyStoreOf(current: string, keys: ReadonlyMap<string, EpochKey>): KeyStore {
  const live = keys.get(current)
  if (live === undefined) throw new Error(`the vault has no key for its current epoch ${current}`)
  return {
    current: () => live,
    find: (epoch) => keys.get(epoch) ?? null,
    epochs: () => [...keys.keys()],
  }
}
