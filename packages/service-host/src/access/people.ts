import { createHash } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { ConfigError, type Environment, loadConfig } from '../config.js'
import { problem } from '../problem.js'
import type { Caller, Role } from './caller.js'

/** Whose tokens people come with, and where in them their roles and tenants stand. */
export interface IdentityProvider {
  readonly issuer: string
  /** Audience of the tokens that are taken. */
  readonly clientId: string
  readonly rolesClaim: string
  readonly tenantsClaim: string
}

const schema = z.object({
  LETHE_OIDC_ISSUER: z.url().optional(),
  LETHE_OIDC_CLIENT_ID: z.string().min(1).optional(),
  LETHE_OIDC_ROLES_CLAIM: z.string().min(1).default('lethe_roles'),
  LETHE_OIDC_TENANTS_CLAIM: z.string().min(1).default('lethe_tenants'),
})

/** null where no provider is set: then only service credentials are taken. @throws ConfigError */
export function identityProvider(env: Environment = process.env): IdentityProvider | null {
  const given = loadConfig(schema, env)
  const { LETHE_OIDC_ISSUER: issuer, LETHE_OIDC_CLIENT_ID: clientId } = given
  if (issuer === undefined) return null
  if (!isProtected(issuer))
    throw new ConfigError([{ name: 'LETHE_OIDC_ISSUER', problem: 'must be https, or on this machine' }])
  if (clientId === undefined)
    throw new ConfigError([
      { name: 'LETHE_OIDC_CLIENT_ID', problem: 'is missing, and LETHE_OIDC_ISSUER needs it' },
    ])
  return {
    issuer,
    clientId,
    rolesClaim: given.LETHE_OIDC_ROLES_CLAIM,
    tenantsClaim: given.LETHE_OIDC_TENANTS_CLAIM,
  }
}

/** Whoever sits between could put keys of their own in the place of the provider's. */
const isProtected = (issuer: string): boolean => {
  const { protocol, hostname } = new URL(issuer)
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}

export interface Identified {
  readonly caller: Caller
  /** When the token ends, epoch milliseconds; null: its credential says so itself. */
  readonly endsAt: number | null
}

/** What a provider can make of a person. What erasers, probes and services may do it can't give. */
const PEOPLES: readonly Role[] = ['viewer', 'operator', 'privacy_officer', 'admin']
const SIGNED_BY = ['RS256', 'PS256', 'ES256', 'EdDSA', 'RS384', 'PS384', 'ES384', 'RS512', 'PS512', 'ES512']
const ANSWER_WITHIN_MS = 5_000
const discovered = z.object({ issuer: z.string(), jwks_uri: z.url() })
const words = z.array(z.string().min(1).max(200)).max(1_000)

/** Tokens of people, signed by the identity provider: its ID tokens for our client, and nothing else. */
export class PeoplesTokens {
  private keys: Promise<JWTVerifyGetKey> | null = null

  constructor(private readonly provider: IdentityProvider) {}

  /**
   * Checks signature, issuer, audience, whom it was made for, and dates. @throws ProblemError `unauthenticated`, or `unavailable` while the
   * provider does not answer
   */
  async identify(token: string): Promise<Identified> {
    const { issuer, clientId } = this.provider
    const checks = { issuer, audience: clientId, algorithms: SIGNED_BY, requiredClaims: ['sub', 'exp'] }
    const keys = await this.keysOfProvider()
    const { payload, protectedHeader } = await jwtVerify(token, keys, checks).catch((error: unknown) => {
      throw refusal(error)
    })
    if (!isIdTokenFor(clientId, payload, protectedHeader.typ))
      throw problem('unauthenticated', 'The credential is not known.')
    return { caller: this.callerOf(payload), endsAt: (payload.exp ?? 0) * 1_000 }
  }

  private callerOf(claims: JWTPayload): Caller {
    const { rolesClaim, tenantsClaim, issuer } = this.provider
    const given = words.safeParse(claims[rolesClaim])
    const tenants = words.safeParse(claims[tenantsClaim])
    return {
      id: idOf(issuer, claims.sub ?? ''),
      roles: given.success ? PEOPLES.filter((role) => given.data.includes(role)) : [],
      tenants: tenants.success ? tenants.data : [],
      systemId: null,
    }
  }

  private keysOfProvider(): Promise<JWTVerifyGetKey> {
    this.keys ??= this.discover().catch((error: unknown) => {
      this.keys = null
      throw error
    })
    return this.keys
  }

  private async discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.provider
    const address = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
    // A redirect could lead off TLS, where anybody may answer.
    const call = { redirect: 'error', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) } as const
    const answer = await fetch(address, call).catch(() => null)
    const found = discovered.safeParse(await answer?.json().catch(() => null))
    if (!found.success || found.data.issuer !== issuer || !isProtected(found.data.jwks_uri)) throw away()
    return createRemoteJWKSet(new URL(found.data.jwks_uri), { timeoutDuration: ANSWER_WITHIN_MS })
  }
}

/** As it stands in events and audits. A subject that looks like an address is not repeated. */
function idOf(issuer: string, sub: string): string {
  if (/^[A-Za-z0-9._|:-]{1,100}$/.test(sub)) return `oidc:${sub}`
  return `oidc:${createHash('sha256').update(`${issuer}\n${sub}`).digest('base64url').slice(0, 22)}`
}

/** Another client's token may name ours among its audiences, and would let that client act as the person. */
function isIdTokenFor(clientId: string, { aud, azp }: JWTPayload, type: string | undefined): boolean {
  if (/^(application\/)?at\+jwt$/i.test(type ?? '')) return false
  return azp === undefined ? !Array.isArray(aud) || aud.length === 1 : azp === clientId
}

const away = () =>
  problem('unavailable', 'The identity provider does not answer as it should. Try again later.')

function refusal(error: unknown): Error {
  if (error instanceof errors.JWTExpired)
    return problem('unauthenticated', 'The token has expired; sign in again.')
  const isToken = error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid
  if (isToken || error instanceof errors.JWTClaimValidationFailed || isForged(error))
    return problem('unauthenticated', 'The credential is not known.')
  return away()
}

const isForged = (error: unknown): boolean =>
  error instanceof errors.JWSSignatureVerificationFailed ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JOSENotSupported ||
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys

/** Three parts with dots: no service credential's token needs to look so, but one may. */
export const looksSigned = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
