import {
  type Decoded,
  type KafkaConfig,
  MessageCodec,
  type StoredLetter,
  storedLetters,
} from '@lethe/messaging'
import { TerminalError } from '@lethe/service-host'

export type Unread = 'no_copy' | 'undecodable' | 'registry_not_configured' | 'registry_unavailable'

export interface ReadLetter extends StoredLetter {
  readonly message: Decoded | null
  /** Why there is no message. */
  readonly unread: Unread | null
}

export interface Wanted {
  readonly group?: string | undefined
  readonly topic?: string | undefined
  readonly code?: string | undefined
}

/**
 * Dead letters with what they hold. Only copies are read: one was made where the message could be decoded and is not
 * known to be forged. What a stranger wrote is never read from its origin.
 */
export class LetterReader {
  private codec: Promise<MessageCodec> | null = null

  constructor(
    private readonly kafka: KafkaConfig,
    private readonly registryUrl: string | null,
  ) {}

  /** Oldest first, without those that were sent again. */
  async read(wanted: Wanted): Promise<ReadLetter[]> {
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
    const letters = await storedLetters(this.kafka, Object.fromEntries(given))
    return Promise.all(letters.map((letter) => this.decoded(letter)))
  }

  private async decoded(letter: StoredLetter): Promise<ReadLetter> {
    const without = (unread: Unread): ReadLetter => ({ ...letter, message: null, unread })
    if (letter.copy === null) return without('no_copy')
    if (this.registryUrl === null) return without('registry_not_configured')
    try {
      const codec = await this.connected(this.registryUrl)
      return { ...letter, message: await codec.decode(letter.copy), unread: null }
    } catch (error) {
      return without(error instanceof TerminalError ? 'undecodable' : 'registry_unavailable')
    }
  }

  /** Nothing is looked up beforehand: it only reads, each schema once. */
  private connected(url: string): Promise<MessageCodec> {
    this.codec ??= MessageCodec.connect(url, { register: false, topics: [], retries: 1 })
    return this.codec
  }
}
