import { z } from 'zod'

/** How Kafka Connect sees the outbox connector. */
export interface ConnectorView {
  readonly name: string
  /** Connect's word, e.g. `RUNNING`, `PAUSED`, `FAILED`; null when it is not known. */
  readonly state: string | null
  readonly tasks: readonly { readonly id: number; readonly state: string }[] | null
  readonly unknown: 'connect_unreachable' | 'connect_not_configured' | 'connector_missing' | null
}

const answer = z.object({
  connector: z.object({ state: z.string() }),
  tasks: z.array(z.object({ id: z.number(), state: z.string() })),
})

/** Reads the state of one connector from Connect's REST interface. Never rejects: silence is unknown. */
export class ConnectClient {
  constructor(
    private readonly url: string | null,
    private readonly name: string,
    private readonly timeoutMs = 3_000,
  ) {}

  async view(): Promise<ConnectorView> {
    if (this.url === null) return this.unknown('connect_not_configured')
    const path = `${this.url}/connectors/${encodeURIComponent(this.name)}/status`
    try {
      const response = await fetch(path, { signal: AbortSignal.timeout(this.timeoutMs) })
      if (response.status === 404) return this.unknown('connector_missing')
      const { connector, tasks } = answer.parse(await response.json())
      const ordered = tasks.map(({ id, state }) => ({ id, state })).sort((a, b) => a.id - b.id)
      return { name: this.name, state: connector.state, tasks: ordered, unknown: null }
    } catch {
      return this.unknown('connect_unreachable')
    }
  }

  private unknown(unknown: NonNullable<ConnectorView['unknown']>): ConnectorView {
    return { name: this.name, state: null, tasks: null, unknown }
  }
}
