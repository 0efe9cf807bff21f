import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { type Caller, roles } from './caller.js'
import { readJsonFile } from './json-file.js'

const credential = z
  .object({
    id: z.string().min(1),
    /** Hex SHA-256 of the bearer token. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    roles: z.array(z.enum(roles)).min(1),
    tenants: z.array(z.string().min(1)).default([]),
    systemId: z.string().optional(),
    /** ISO 8601 or epoch milliseconds. */
    expiresAt: z.union([z.iso.datetime(), z.number()]).optional(),
  })
  .strict()
const credentialsFile = z.union([
  z.array(credential),
  z.object({ credentials: z.array(credential) }).transform((file) => file.credentials),
])

type Known = { readonly digest: Buffer; readonly expiresAt: number; readonly caller: Caller }

export type Authentication =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly reason: 'unknown' | 'expired' }

/** Bearer tokens as their SHA-256; the tokens themselves are nowhere. */
export class Credentials {
  private readonly byPrefix = new Map<string, Known[]>()

  constructor(entries: readonly z.infer<typeof credential>[]) {
    for (const entry of entries) {
      const caller: Caller = {
        id: entry.id,
        roles: entry.roles,
        tenants: entry.tenants,
        systemId: entry.systemId ?? null,
      }
      const expiresAt = entry.expiresAt === undefined ? Number.POSITIVE_INFINITY : +new Date(entry.expiresAt)
      const known = { digest: Buffer.from(entry.sha256, 'hex'), expiresAt, caller }
      const prefix = entry.sha256.slice(0, 8)
      this.byPrefix.set(prefix, [...(this.byPrefix.get(prefix) ?? []), known])
    }
  }

  /** @throws when the file is missing or malformed; the message names fields, never a token. */
  static read(path: string): Credentials {
    const parsed = credentialsFile.safeParse(readJsonFile(path))
    if (!parsed.success) {
      const where = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
      throw new Error(`the credentials file ${path} is malformed: ${where}`)
    }
    return new Credentials(parsed.data)
  }

  authenticate(token: string, now: number): Authentication {
    const digest = createHash('sha256').update(token).digest()
    const candidates = this.byPrefix.get(digest.toString('hex').slice(0, 8)) ?? []
    const known = candidates.find((candidate) => timingSafeEqual(candidate.digest, digest))
    if (known === undefined) return { ok: false, reason: 'unknown' }
    if (known.expiresAt <= now) return { ok: false, reason: 'expired' }
    return { ok: true, caller: known.caller }
  }
}
