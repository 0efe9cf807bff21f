import {
  createCipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto'

/**
 * Encrypts any text to the intake key (JWE, ECDH-ES and A256GCM, RFC 7518 4.6), so that a test can send what
 * the client library never would.
 */
export function encryptFor(jwk: object, text: string): string {
  const recipient = createPublicKey({ key: jwk, format: 'jwk' } as never)
  const ephemeral = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient })
  const { kty, crv, x, y } = ephemeral.publicKey.export({ format: 'jwk' })
  const header = { alg: 'ECDH-ES', enc: 'A256GCM', epk: { kty, crv, x, y } }
  const protectedHeader = Buffer.from(JSON.stringify(header)).toString('base64url')
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', concatKdf(shared, 'A256GCM'), iv)
  cipher.setAAD(Buffer.from(protectedHeader))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return [
    protectedHeader,
    '',
    ...[iv, body, cipher.getAuthTag()].map((part) => part.toString('base64url')),
  ].join('.')
}

function concatKdf(shared: Buffer, algorithm: string): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  return createHash('sha256')
    .update(
      Buffer.concat([
        number(1),
        shared,
        number(algorithm.length),
        Buffer.from(algorithm),
        number(0),
        number(0),
        number(256),
      ]),
    )
    .digest()
}
