export interface EpochKey {
  readonly epoch: string
  /** 32 bytes, AES-256. */
  readonly key: Buffer
}

/** What sealing and opening ask for. */
export interface Keyring {
  /** The key new entries are sealed under. @throws RetryableError `vault_no_epoch` when there is none */
  current(): EpochKey
  /** null when the epoch was destroyed or never existed; the caller must fail closed. */
  find(epoch: string): EpochKey | null
}

/**
 * Where the vault's secrets live, 32 bytes by name: never in PostgreSQL, so that destroying one shreds what
 * it sealed in every backup. A name that begins with `pepper-` is a pepper's, every other an epoch's.
 * `create`, `destroy` and `recover` are called by one process at a time; the caller holds a lock for it.
 * `testing/key-store-contract.ts` is the specification of an adapter.
 */
export interface KeyStore {
  /** Sees what another process made a moment ago; may go on knowing what another destroyed until `refresh`. */
  find(name: string): Buffer | null
  names(): readonly string[]
  /** Durable when it returns. A name that exists keeps its secret. @throws when the name is not usable */
  create(name: string): void
  /** After it returns no copy this adapter made can be read again, by this or another process. Idempotent. */
  destroy(name: string): void
  /** Finishes what a crash of `create` or `destroy` left half done. */
  recover(): void
  /** Takes over what other processes created and destroyed. */
  refresh(): void
}

export const secretBytes = 32
export const pepperPrefix = 'pepper-'

/** Names become file names, and part of what is authenticated with every entry. */
const usable = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export const isUsableName = (name: string): boolean => usable.test(name)

/** @throws Error */
export function assertUsableName(name: string): void {
  if (!isUsableName(name)) throw new Error(`a vault key can not be called ${JSON.stringify(name)}`)
}
