import { z } from 'zod'

const epochMs = z.number()

const backups = z.object({
  backups: z.array(
    z.object({
      systemId: z.string(),
      backupId: z.string(),
      policy: z.string().nullable(),
      takenAt: epochMs,
      keptUntil: epochMs.nullable(),
      reportedAt: epochMs,
      goneAt: epochMs.nullable(),
      dueAt: epochMs.nullable(),
      alerts: z.array(z.string()),
    }),
  ),
})

/** A backup of the catalogue, compared with the data map. */
export type CataloguedBackup = z.infer<typeof backups>['backups'][number]

/** What a drill saw: counts and lengths, nobody's name. A record of another form is shown as none. */
const drillEvidence = z.object({
  backup: z.object({ takenAt: epochMs, bytes: z.number(), sha256: z.string() }).nullable(),
  requestId: z.string().nullable(),
  canary: z.object({ cameBack: z.number().nullable(), left: z.number().nullable() }),
  cameBack: z.record(z.string(), z.number()),
  durations: z.record(z.string(), z.number()),
})

const drills = z.object({
  drills: z.array(
    z.object({
      drillId: z.string(),
      systemId: z.string(),
      startedAt: epochMs,
      finishedAt: epochMs.nullable(),
      phase: z.string(),
      verdict: z.string().nullable(),
      reasons: z.array(z.object({ code: z.string(), detail: z.string() })),
      intact: z.boolean().nullable(),
      evidence: drillEvidence.nullable().catch(null),
    }),
  ),
})

/** A restore drill, as far as it has come. */
export type Drill = z.infer<typeof drills>['drills'][number]

/** What was answered, or why nothing is known. */
export type Asked<T> =
  | { readonly value: T; readonly unknown: null }
  | {
      readonly value: null
      readonly unknown: 'restore_not_configured' | 'restore_unreachable' | 'restore_refused'
    }

/** The restore service, asked with the credential of whoever looks: this service has no power of its own. */
export class RestoreClient {
  constructor(
    private readonly url: string | null,
    private readonly timeoutMs = 5_000,
  ) {}

  /** Those that exist as far as anybody knows. */
  async backups(token: string): Promise<Asked<readonly CataloguedBackup[]>> {
    const answer = await this.get(token, '/v1/backups', backups)
    return answer.unknown === null ? { value: answer.value.backups, unknown: null } : answer
  }

  /** The latest first. */
  async drills(token: string): Promise<Asked<readonly Drill[]>> {
    const answer = await this.get(token, '/v1/drills', drills)
    return answer.unknown === null ? { value: answer.value.drills, unknown: null } : answer
  }

  private async get<T>(token: string, path: string, shape: z.ZodType<T>): Promise<Asked<T>> {
    const nothing = (unknown: 'restore_unreachable' | 'restore_refused' | 'restore_not_configured') =>
      ({ value: null, unknown }) as const
    if (this.url === null) return nothing('restore_not_configured')
    const response = await fetch(this.url + path, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(this.timeoutMs),
    }).catch(() => null)
    if (response === null) return nothing('restore_unreachable')
    const body: unknown = await response.json().catch(() => null)
    if (response.status === 401 || response.status === 403) return nothing('restore_refused')
    const read = shape.safeParse(body)
    if (!response.ok || !read.success) return nothing('restore_unreachable')
    return { value: read.data, unknown: null }
  }
}
