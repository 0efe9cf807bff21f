import { UnprovenError } from '@lethe/messaging'
import { type CryptoKey, calculateJwkThumbprint, compactDecrypt, importJWK, type JWK } from 'jose'

/** Key pair that callers of `erasure.intake` encrypt to; only this service can read what they ask. */
export class IntakeKey {
  private constructor(
    private readonly privateKey: CryptoKey | Uint8Array,
    /** Public JWK with `kid`, `alg` ECDH-ES and `use` enc. */
    readonly publicJwk: JWK,
  ) {}

  /** @throws when there is no JWK, or it is not a private EC key on P-256. */
  static async from(jwk: Readonly<Record<string, unknown>> | null): Promise<IntakeKey> {
    const { kty, crv, x, y, d } = (jwk ?? {}) as JWK
    if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined || d === undefined) {
      throw new Error('`intake` of the vault key file is not a private EC key on P-256 (JWK)')
    }
    const publicPart: JWK = { kty, crv, x, y }
    const kid = await calculateJwkThumbprint(publicPart)
    const privateKey = await importJWK({ ...publicPart, d }, 'ECDH-ES')
    return new IntakeKey(privateKey, { ...publicPart, kid, alg: 'ECDH-ES', use: 'enc' })
  }

  /** @throws UnprovenError `intake_undecryptable`: not for this key, altered, or no JSON inside. */
  async open(jwe: string): Promise<unknown> {
    try {
      const { plaintext } = await compactDecrypt(jwe, this.privateKey, {
        keyManagementAlgorithms: ['ECDH-ES'],
        contentEncryptionAlgorithms: ['A256GCM'],
      })
      return JSON.parse(Buffer.from(plaintext).toString('utf8'))
    } catch {
      // The error of the JSON parser would quote what it read.
      throw new UnprovenError('intake_undecryptable', 'An intake message does not open with our key.')
    }
  }
}
