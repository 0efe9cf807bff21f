import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityProvider, PeoplesTokens } from './people.js'

const ours = await generateKeyPair('RS256')
const anothers = await generateKeyPair('RS256')
let server: Server
let issuer: string
let people: PeoplesTokens
let asked = 0

beforeAll(async () => {
  const keys = { keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] }
  server = createServer((request, response) => {
    asked++
    const answer = request.url?.endsWith('/jwks') ? keys : { issuer, jwks_uri: `${issuer}/jwks` }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  people = new PeoplesTokens({
    issuer,
    clientId: 'console',
    rolesClaim: 'lethe_roles',
    tenantsClaim: 'lethe_tenants',
  })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const now = () => Math.floor(Date.now() / 1_000)
const claims = (more: JWTPayload = {}): JWTPayload => ({
  iss: issuer,
  aud: 'console',
  sub: 'person-7',
  iat: now(),
  exp: now() + 60,
  lethe_roles: ['privacy_officer'],
  lethe_tenants: ['shop'],
  ...more,
})
const signed = (payload: JWTPayload, key = ours.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(key)

describe('a token of a person', () => {
  it('says who it is, what they may do and until when, and costs no call once the keys are known', async () => {
    const payload = claims()
    expect(await people.identify(await signed(payload))).toEqual({
      caller: { id: 'oidc:person-7', roles: ['privacy_officer'], tenants: ['shop'], systemId: null },
      endsAt: (payload.exp ?? 0) * 1_000,
    })
    const before = asked
    await people.identify(await signed(claims({ sub: 'other' })))
    expect(asked).toBe(before)
  })

  it('gives nobody what is not for people, nor anything for a claim of another shape', async () => {
    const callerOf = async (more: JWTPayload) => (await people.identify(await signed(claims(more)))).caller
    expect((await callerOf({ lethe_roles: ['eraser', 'service', 'restore', 'viewer'] })).roles).toEqual([
      'viewer',
    ])
    expect((await callerOf({ lethe_roles: 'admin' })).roles).toEqual([])
    expect((await callerOf({ lethe_tenants: '*' })).tenants).toEqual([])
    expect((await callerOf({ sub: 'ada@example.com' })).id).toMatch(/^oidc:[\w-]{22}$/)
  })

  it('is refused when it is another’s, expired, for somebody else, unsigned or no token', async () => {
    const secret = new TextEncoder().encode('a'.repeat(64))
    for (const [what, token] of [
      ['of another key', await signed(claims(), anothers.privateKey)],
      ['of another issuer', await signed(claims({ iss: 'https://evil.example' }))],
      ['for another client', await signed(claims({ aud: 'another' }))],
      ['another client’s, for ours as well', await signed(claims({ aud: ['console', 'b'], azp: 'b' }))],
      ['another client’s, for ours alone', await signed(claims({ azp: 'b' }))],
      ['for several, made for nobody knows whom', await signed(claims({ aud: ['console', 'b'] }))],
      [
        'an access token',
        await new SignJWT(claims())
          .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ: 'at+jwt' })
          .sign(ours.privateKey),
      ],
      ['expired', await signed(claims({ exp: now() - 60 }))],
      ['not valid yet', await signed(claims({ nbf: now() + 600 }))],
      ['without an end', await signed({ ...claims(), exp: undefined } as never)],
      ['unsigned', new UnsecuredJWT(claims()).encode()],
      [
        'signed by a shared secret',
        await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(secret),
      ],
      ['no token', 'a.b.c'],
    ] as const)
      await expect(people.identify(token), what).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('is taken where it is for several and was made for us', async () => {
    for (const more of [{ aud: ['console', 'b'], azp: 'console' }, { aud: ['console'] }])
      expect((await people.identify(await signed(claims(more)))).caller.id).toBe('oidc:person-7')
  })

  it('can not be judged while the provider is away, and is asked for again', async () => {
    const away = new PeoplesTokens({
      issuer: 'http://127.0.0.1:1',
      clientId: 'console',
      rolesClaim: 'r',
      tenantsClaim: 't',
    })
    for (let n = 0; n < 2; n++)
      await expect(away.identify(await signed(claims()))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('the document of a provider', () => {
  it('is read where the settings say, and not where it redirects to', async () => {
    const moved = createServer((request, response) => {
      if (request.url?.startsWith('/elsewhere'))
        response.end(JSON.stringify({ issuer: at, jwks_uri: `${issuer}/jwks` }))
      else response.writeHead(302, { location: `${at}/elsewhere` }).end()
    })
    await new Promise<void>((resolve) => moved.listen(0, '127.0.0.1', resolve))
    const at = `http://127.0.0.1:${(moved.address() as AddressInfo).port}`
    const tokens = new PeoplesTokens({ issuer: at, clientId: 'console', rolesClaim: 'r', tenantsClaim: 't' })
    try {
      await expect(tokens.identify(await signed(claims({ iss: at })))).rejects.toMatchObject({
        code: 'unavailable',
      })
    } finally {
      await new Promise((resolve) => moved.close(resolve))
    }
  })
})

describe('the settings of a provider', () => {
  it('are whole, and over TLS unless on this machine', () => {
    expect(identityProvider({})).toBeNull()
    expect(
      identityProvider({ LETHE_OIDC_ISSUER: 'https://id.example.com', LETHE_OIDC_CLIENT_ID: 'c' }),
    ).toMatchObject({ clientId: 'c', rolesClaim: 'lethe_roles' })
    expect(() => identityProvider({ LETHE_OIDC_ISSUER: 'https://id.example.com' })).toThrow(/CLIENT_ID/)
    expect(() =>
      identityProvider({ LETHE_OIDC_ISSUER: 'http://id.example.com', LETHE_OIDC_CLIENT_ID: 'c' }),
    ).toThrow(/https/)
  })
})
