import { backToBack } from '@lethe/request-log'
import { RetryableError } from '@lethe/service-host'
import type { Pool, PoolClient } from 'pg'
import { z } from 'zod'
import type { Identifier } from '../domain/identifier.js'
import { digestsOf, type Pepper } from './digest.js'
import { lockSealing } from './epochs.js'
import type { Keyring } from './key-store.js'
import type { PepperSet } from './peppers.js'
import { type Sealed, seal, unseal } from './seal.js'

/**
 * Entry that holds everything known of the person, for resolving again; it never leaves this service.
 * A system id of a data map can't start with `@`.
 */
export const wholePerson = '@person'

/** A row to seal: the identifiers one system needs of one request's person. */
export interface VaultEntry {
  readonly requestId: string
  readonly systemId: string
  readonly identifiers: readonly Identifier[]
}
export interface OpenedEntry extends VaultEntry {
  /** As stored; a tombstone carries the same bytes. */
  readonly stored: Sealed
}

/**
 * Who reads, and what for. Clearance and pages of tombstones have an audit of their own, with each answer;
 * every other reading leaves a row here.
 */
export type Reading =
  | AuditedElsewhere
  | {
      /** Credential, or `request` for the service itself. */
      readonly actor: string
      readonly purpose: 'resolve' | 'first_step' | 'refusal' | 'reseal' | 'redigest' | 'note'
      /** Epoch milliseconds. */
      readonly at: number
    }

type AuditedElsewhere = 'clearance' | 'tombstones'

const identifiersShape = z.array(z.object({ type: z.string(), value: z.string() }).strict())

/** Identifiers of people, readable only with keys that PostgreSQL does not hold. */
export class Vault {
  constructor(
    private readonly keys: Keyring,
    private readonly pepperSet: PepperSet,
  ) {}

  /**
   * Seals and stores under the current epoch; entries of older epochs are gone after it. @returns that epoch
   * @throws RetryableError `vault_epoch_closed` when it was closed before this process heard of it
   */
  async put(client: PoolClient, entries: readonly VaultEntry[]): Promise<string> {
    const key = this.keys.current()
    if (entries.length === 0) return key.epoch
    const sealed = entries.map((entry) =>
      seal(key, entry, Buffer.from(JSON.stringify(entry.identifiers), 'utf8')),
    )
    const [, stored] = await backToBack(client, [
      () => lockSealing(client, key.epoch),
      () =>
        client.query({
          name: 'vault-put',
          text: `WITH given AS (
                   SELECT row.* FROM unnest($1::text[], $2::text[], $3::bytea[]) AS row (request_id, system_id, sealed)
                   WHERE ${epochIsOpen('$4')}
                 ), older AS (
                   DELETE FROM vault.entries e USING given g
                   WHERE e.request_id = g.request_id AND e.system_id = g.system_id AND e.epoch <> $4
                 ), noted AS (
                   INSERT INTO vault.sealings (request_id, epoch) SELECT DISTINCT request_id, $4::text FROM given
                   ON CONFLICT DO NOTHING
                 )
                 INSERT INTO vault.entries (request_id, system_id, epoch, sealed)
                 SELECT request_id, system_id, $4, sealed FROM given
                 ON CONFLICT (request_id, system_id, epoch) DO UPDATE SET sealed = excluded.sealed`,
          values: [
            entries.map((entry) => entry.requestId),
            entries.map((entry) => entry.systemId),
            sealed.map((row) => row.sealed),
            key.epoch,
          ],
        }),
    ])
    if (stored.rowCount !== entries.length) throw epochClosed(key.epoch)
    return key.epoch
  }

  /**
   * Entries of these requests for one system, by request id. Requests without an entry are absent.
   * An entry that does not open (destroyed key, altered bytes) is the error in its place.
   */
  async open(
    client: Pool | PoolClient,
    requestIds: readonly string[],
    systemId: string,
    reading: Reading,
  ): Promise<Map<string, OpenedEntry | Error>> {
    const { rows } =
      typeof reading === 'string'
        ? await client.query<SealedRow>({ name: 'vault-open', text: select, values: [requestIds, systemId] })
        : await client.query<SealedRow>({
            name: 'vault-open-audited',
            // One statement: nothing is read without its row, and no row is written for what was not read.
            text: `WITH noted AS (
                     INSERT INTO audit.vault_reads (at, actor, purpose, system_id, request_ids)
                     SELECT $3, $4, $5, $2, $1 WHERE cardinality($1::text[]) > 0
                   ) ${select}`,
            values: [requestIds, systemId, reading.at, reading.actor, reading.purpose],
          })
    const opened = new Map<string, OpenedEntry | Error>()
    for (const row of rows) {
      opened.set(row.request_id, this.openRow(row.request_id, systemId, row))
    }
    return opened
  }

  /** Sealed bytes that lay outside the vault, as on the topic of tombstones. Audited with the page they are read for. */
  openSealed(requestId: string, systemId: string, stored: Sealed): OpenedEntry | Error {
    return this.openRow(requestId, systemId, stored)
  }

  private openRow(requestId: string, systemId: string, stored: Sealed): OpenedEntry | Error {
    try {
      const plain = unseal(this.keys, { requestId, systemId }, stored)
      const identifiers = identifiersShape.parse(JSON.parse(plain.toString('utf8'))) as Identifier[]
      return { requestId, systemId, identifiers, stored: { epoch: stored.epoch, sealed: stored.sealed } }
    } catch (error) {
      return error instanceof Error ? error : new Error('vault_unreadable')
    }
  }

  /** All that are looked up; the current one is last. */
  get peppers(): readonly Pepper[] {
    return this.pepperSet.live()
  }

  /** Under every live pepper, for looking up; `putDigests` writes those of them that are to be written. */
  digests(tenantId: string, identifiers: readonly Identifier[]): string[] {
    return digestsOf(this.peppers, tenantId, identifiers)
  }

  async putDigests(
    client: PoolClient,
    rows: readonly { tenantId: string; requestId: string; digests: readonly string[] }[],
  ): Promise<void> {
    const written = this.pepperSet.written()
    const flat = rows
      .flatMap((row) => row.digests.map((digest) => ({ ...row, digest })))
      .filter(({ digest }) => written.has(digest.slice(0, digest.indexOf('.'))))
    if (flat.length === 0) return
    await client.query({
      name: 'vault-digests-put',
      text: `INSERT INTO vault.digests (tenant_id, digest, request_id)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
      values: [
        flat.map((row) => row.tenantId),
        flat.map((row) => row.digest),
        flat.map((row) => row.requestId),
      ],
    })
  }

  /** Digests each request is known by; absent once they were destroyed. */
  async digestsByRequest(
    client: Pool | PoolClient,
    requestIds: readonly string[],
  ): Promise<Map<string, Set<string>>> {
    const { rows } = await client.query<{ request_id: string; digest: string }>({
      name: 'vault-digests-by-request',
      text: 'SELECT request_id, digest FROM vault.digests WHERE request_id = ANY($1::text[])',
      values: [requestIds],
    })
    const digests = new Map<string, Set<string>>()
    for (const row of rows) {
      digests.set(row.request_id, (digests.get(row.request_id) ?? new Set()).add(row.digest))
    }
    return digests
  }

  /** Free text (hold reasons, notes); events carry the note's id only. Sealing one anew replaces it. */
  async putNote(
    client: PoolClient,
    note: { readonly noteId: string; readonly requestId: string; readonly text: string },
  ): Promise<void> {
    const { noteId, requestId } = note
    const row = seal(
      this.keys.current(),
      { requestId, systemId: noteContext(noteId) },
      Buffer.from(note.text, 'utf8'),
    )
    const [, stored] = await backToBack(client, [
      () => lockSealing(client, row.epoch),
      () =>
        client.query(
          `WITH noted AS (
             INSERT INTO vault.sealings (request_id, epoch) SELECT $2, $3 WHERE ${epochIsOpen('$3')}
             ON CONFLICT DO NOTHING
           )
           INSERT INTO vault.notes (note_id, request_id, epoch, sealed)
           SELECT $1, $2, $3, $4 WHERE ${epochIsOpen('$3')}
           ON CONFLICT (note_id) DO UPDATE SET epoch = excluded.epoch, sealed = excluded.sealed`,
          [noteId, requestId, row.epoch, row.sealed],
        ),
    ])
    if (stored.rowCount !== 1) throw epochClosed(row.epoch)
  }

  /** null when there is no such note. @throws TerminalError as `unseal` does */
  async readNote(
    client: Pool | PoolClient,
    noteId: string,
    reading: Exclude<Reading, AuditedElsewhere>,
  ): Promise<string | null> {
    const { rows } = await client.query<SealedRow>(
      `WITH noted AS (
         INSERT INTO audit.vault_reads (at, actor, purpose, system_id, request_ids)
         SELECT $2, $3, $4, '@note', ARRAY[request_id] FROM vault.notes WHERE note_id = $1
       ) SELECT request_id, epoch, sealed FROM vault.notes WHERE note_id = $1`,
      [noteId, reading.at, reading.actor, reading.purpose],
    )
    const row = rows[0]
    if (row === undefined) return null
    return unseal(this.keys, { requestId: row.request_id, systemId: noteContext(noteId) }, row).toString()
  }
}

interface SealedRow {
  readonly request_id: string
  readonly epoch: string
  readonly sealed: Buffer
}

const select =
  'SELECT request_id, epoch, sealed FROM vault.entries WHERE request_id = ANY($1::text[]) AND system_id = $2'

const epochIsOpen = (parameter: string): string =>
  `EXISTS (SELECT FROM vault.epochs WHERE epoch = ${parameter} AND closed_at IS NULL)`

const epochClosed = (epoch: string): RetryableError =>
  new RetryableError('vault_epoch_closed', `Epoch ${epoch} was closed while something was sealed under it.`)

const noteContext = (noteId: string): string => `@note:${noteId}`
