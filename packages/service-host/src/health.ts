import { describeError, type Logger } from './logger.js'

/** Resolves when the dependency works; rejects when the service can not do its work without it. */
export interface ReadinessCheck {
  readonly name: string
  check(): Promise<void>
}

export interface Readiness {
  readonly ready: boolean
  /** Per check `ok`, or the error's code. */
  readonly checks: Readonly<Record<string, string>>
}

const CHECK_MS = 2_000

/** What `/readyz` answers. Not ready before `started`, while shutting down, or when any check fails. */
export class Health {
  private state: 'starting' | 'started' | 'stopping' = 'starting'
  private checks: readonly ReadinessCheck[] = []
  private readonly failing = new Set<string>()

  constructor(private readonly logger: Logger) {}

  started(checks: readonly ReadinessCheck[]): void {
    this.checks = checks
    this.state = 'started'
  }

  stopping(): void {
    this.state = 'stopping'
  }

  async readiness(): Promise<Readiness> {
    if (this.state !== 'started') return { ready: false, checks: { service: this.state } }
    const results = await Promise.all(
      this.checks.map(async (check) => [check.name, await this.run(check)] as const),
    )
    return { ready: results.every(([, result]) => result === 'ok'), checks: Object.fromEntries(results) }
  }

  private async run(check: ReadinessCheck): Promise<string> {
    try {
      await within(CHECK_MS, check.check())
      if (this.failing.delete(check.name)) this.logger.info({ check: check.name }, 'ready again')
      return 'ok'
    } catch (error) {
      const first = !this.failing.has(check.name)
      this.failing.add(check.name)
      if (first) this.logger.error({ check: check.name, err: error }, 'not ready')
      const described = describeError(error)
      return described.code ?? described.type
    }
  }
}

class CheckTimedOut extends Error {
  readonly code = 'timed_out'
}

/** Rejects with code `timed_out` when `work` takes longer than `ms`; the work itself is left to end. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CheckTimedOut('The readiness check took too long.')), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
