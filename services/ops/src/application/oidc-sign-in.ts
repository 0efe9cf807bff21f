import { randomBytes } from 'node:crypto'
import { problem } from '@lethe/service-host'
import type { Begun, OidcClient } from '../adapters/oidc-client.js'

interface Underway extends Begun {
  /** The page of the console one comes back to. */
  readonly to: string
  readonly endsAt: number
}

/** How long somebody may take at the provider's. */
const PATIENCE_MS = 10 * 60_000
const MOST = 1_000

/** Sign-ins that are under way at the identity provider, each bound to the browser that began it. */
export class OidcSignIn {
  private readonly underway = new Map<string, Underway>()

  constructor(
    readonly client: OidcClient | null,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns where to send the browser, and the secret it has to come back with */
  async begin(to: string): Promise<{ address: string; secret: string }> {
    if (this.client === null)
      throw problem(
        'not_found',
        'No identity provider is set. Sign in with the token of a service credential.',
      )
    const { address, begun } = await this.client.begin()
    const secret = randomBytes(32).toString('base64url')
    this.underway.set(secret, { ...begun, to, endsAt: this.now() + PATIENCE_MS })
    for (const [key, { endsAt }] of this.underway)
      if (endsAt <= this.now() || this.underway.size > MOST) this.underway.delete(key)
    return { address, secret }
  }

  /** The ID token, once per sign-in. @throws ProblemError `unauthenticated` */
  async finish(secret: string | null, search: string): Promise<{ token: string; to: string }> {
    const begun = secret === null ? undefined : this.underway.get(secret)
    if (secret !== null) this.underway.delete(secret)
    if (begun === undefined || begun.endsAt <= this.now() || this.client === null)
      throw problem('unauthenticated', 'This browser began no sign-in, or it took too long. Try again.')
    return { token: await this.client.finish(search, begun), to: begun.to }
  }
}
