import { type KafkaConfig, MessageCodec, MessageProducer } from '@lethe/messaging'
import { intakeKeyOf } from '@lethe/schemas'
import { CompactEncrypt, importJWK, type JWK } from 'jose'
import type { NewErasureRequest } from './types.js'

export interface IntakeOptions {
  readonly kafka: KafkaConfig
  readonly registryUrl: string
  /** Bearer token of a credential with the role `service`; travels inside the encrypted body only. */
  readonly token: string
  /** Public key of the request service, from `LetheClient.intakeKey()`. */
  readonly key: JWK
}

/** Publishes erasure requests to `erasure.intake`. */
export class LetheIntake {
  private constructor(
    private readonly options: IntakeOptions,
    private readonly producer: MessageProducer,
  ) {}

  /** Connects to the registry and the brokers. */
  static async connect(options: IntakeOptions): Promise<LetheIntake> {
    const codec = await MessageCodec.connect(options.registryUrl, { register: false })
    const producer = new MessageProducer({ kafka: options.kafka, codec })
    await producer.connect()
    return new LetheIntake(options, producer)
  }

  /**
   * Publishes one request. Idempotent per `idempotencyKey`: publishing again makes no second request.
   * Resolves when the brokers have it; whether it is accepted shows on `erasure.status` under the
   * returned key.
   */
  async publish(input: NewErasureRequest, idempotencyKey: string): Promise<string> {
    const intakeKey = intakeKeyOf(this.options.token, idempotencyKey)
    const body = JSON.stringify({ token: this.options.token, idempotencyKey, request: input })
    const jwe = await new CompactEncrypt(new TextEncoder().encode(body))
      .setProtectedHeader({
        alg: 'ECDH-ES',
        enc: 'A256GCM',
        ...(this.options.key.kid ? { kid: this.options.key.kid } : {}),
      })
      .encrypt(await importJWK(this.options.key, 'ECDH-ES'))
    const value = { intakeKey, jwe, sentAt: Date.now() }
    await this.producer.send([{ topic: 'erasure.intake', key: intakeKey, type: 'ErasureIntake', value }])
    return intakeKey
  }

  close(): Promise<void> {
    return this.producer.disconnect()
  }
}
