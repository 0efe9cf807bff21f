import { type DeadLetter, type KafkaConfig, listDeadLetters } from '@lethe/messaging'
import { type Dated, Shared } from './shared.js'

/** A dead letter by reference: neither its key nor its bytes, which a stranger may have chosen. */
export interface DeadLetterView extends Omit<DeadLetter, 'key'> {
  /** It failed again after every redrive, and is sent only when it is named. */
  readonly quarantined: boolean
}

/** Redrives after which a message that fails again is left alone. */
export const QUARANTINE_AFTER = 3

export interface DeadLettersView {
  /** Oldest first; null when Kafka did not answer in time. */
  readonly items: readonly DeadLetterView[] | null
  readonly unknown: 'kafka_unreachable' | null
}

/** All dead letters that were not redriven; read whole, so seldom. */
export class DeadLetters {
  private readonly shared: Shared<DeadLettersView>

  constructor(
    private readonly kafka: KafkaConfig,
    private readonly timeoutMs = 5_000,
  ) {
    this.shared = new Shared(() => this.list())
  }

  read(maxAgeMs: number): Promise<Dated<DeadLettersView>> {
    return this.shared.read(maxAgeMs)
  }

  private async list(): Promise<DeadLettersView> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.timeoutMs)
    })
    const found = await Promise.race([listDeadLetters(this.kafka).catch(() => null), late])
    clearTimeout(timer)
    return { items: found?.map(withoutKey) ?? null, unknown: found === null ? 'kafka_unreachable' : null }
  }
}

/** By reference, as it is listed. */
export function withoutKey({ key: _, ...rest }: DeadLetter): DeadLetterView {
  return { ...rest, quarantined: rest.redrives >= QUARANTINE_AFTER }
}
