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
 * Where epoch keys live: never in PostgreSQL, so that destroying one shreds its entries in every backup.
 * `create`, `destroy` and `recover` are called by one process at a time; the caller holds a lock for it.
 */
export interface KeyStore {
  find(epoch: string): EpochKey | null
  epochs(): readonly string[]
  /** Durable when it returns. An epoch that exists keeps its key. @throws when the epoch's name is not usable */
  create(epoch: string): void
  /** After it returns no copy this adapter made can be read again, by this or another process. Idempotent. */
  destroy(epoch: string): void
  /** Finishes what a crash of `create` or `destroy` left half done. */
  recover(): void
  /** Takes over what other processes created and destroyed. */
  refresh(): void
}

/** Names become file names, and part of what is authenticated with every entry. */
const usable = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** @throws Error */
export function assertEpochName(epoch: string): void {
  if (!usable.test(epoch)) throw new Error(`an epoch can not be called ${JSON.stringify(epoch)}`)
}
