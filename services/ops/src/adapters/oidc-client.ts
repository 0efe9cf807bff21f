import { type IdentityProvider, problem } from '@lethe/service-host'
import * as openid from 'openid-client'

export interface OidcSettings extends IdentityProvider {
  /** null: a public client, which PKCE alone protects. */
  readonly clientSecret: string | null
  readonly scopes: string
  /** Of this service, as people type it in; `/v1/session/callback` below it is registered with the provider. */
  readonly publicUrl: string
  /** What the provider is called on the sign-in page. */
  readonly label: string
}

/** What only this service knows of a sign-in that is under way. */
export interface Begun {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

const TIMEOUT_S = 10

/** Authorization code with PKCE at any provider of OpenID Connect. */
export class OidcClient {
  private configuration: Promise<openid.Configuration> | null = null

  constructor(private readonly settings: OidcSettings) {}

  get label(): string {
    return this.settings.label
  }

  /** Where to send the browser. @throws ProblemError `unavailable` */
  async begin(): Promise<{ address: string; begun: Begun }> {
    const configuration = await this.configured()
    const begun = {
      state: openid.randomState(),
      nonce: openid.randomNonce(),
      verifier: openid.randomPKCECodeVerifier(),
    }
    const address = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirectUri,
      scope: this.settings.scopes,
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: 'S256',
    })
    return { address: address.href, begun }
  }

  /**
   * The ID token for what the browser came back with. @throws ProblemError `unauthenticated`: what the provider or
   * the library says of it may quote it, and is dropped
   */
  async finish(search: string, { state, nonce, verifier }: Begun): Promise<string> {
    const configuration = await this.configured()
    const address = new URL(this.redirectUri)
    address.search = search
    const tokens = await openid
      .authorizationCodeGrant(configuration, address, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      .catch(() => null)
    if (tokens?.id_token === undefined)
      throw problem('unauthenticated', 'The identity provider did not let you in. Try again.')
    return tokens.id_token
  }

  private get redirectUri(): string {
    return new URL('/v1/session/callback', this.settings.publicUrl).href
  }

  private configured(): Promise<openid.Configuration> {
    this.configuration ??= this.discover().catch(() => {
      this.configuration = null
      throw problem('unavailable', 'The identity provider does not answer. Try again later.')
    })
    return this.configuration
  }

  private discover(): Promise<openid.Configuration> {
    const { issuer, clientId, clientSecret } = this.settings
    const url = new URL(issuer)
    // Plain HTTP is let through for this machine only; the settings refuse it elsewhere.
    const execute = url.protocol === 'http:' ? [openid.allowInsecureRequests] : []
    const authentication = clientSecret === null ? openid.None() : openid.ClientSecretBasic(clientSecret)
    return openid.discovery(url, clientId, undefined, authentication, { execute, timeout: TIMEOUT_S })
  }
}
