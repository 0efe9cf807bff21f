import { problem } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { Attempts } from '../../application/attempts.js'
import { OidcSignIn } from '../../application/oidc-sign-in.js'
import { Sessions } from '../../application/sessions.js'
import type { OidcClient } from '../oidc-client.js'
import { Cookies } from './cookies.js'
import { OidcController } from './oidc.controller.js'

const begun = 'b'.repeat(43)

function stand(client: Pick<OidcClient, 'begin' | 'finish'> | null = null) {
  const outcomes: string[] = []
  let now = 1_000_000
  const journal = { note: ({ outcome }: { outcome: string }) => void outcomes.push(outcome) }
  const none = { authenticate: () => ({ ok: false, reason: 'unknown' }) }
  const signIn = new OidcSignIn(client as OidcClient | null)
  const attempts = new Attempts(undefined, () => now)
  const sessions = new Sessions(none as never, null, journal)
  const controller = new OidcController(signIn, sessions, attempts, new Cookies(null))
  const comeBack = async (url: string, secret: string, address = '127.0.0.1') => {
    const headers: Record<string, string | string[]> = {}
    const reply = {
      status: () => reply,
      header: (name: string, value: string | string[]) => {
        headers[name] = value
        return reply
      },
    }
    await controller.end({ url }, `lethe-session-begun=${secret}`, address, reply)
    return headers
  }
  return { outcomes, signIn, comeBack, later: (ms: number) => (now += ms) }
}

describe('coming back from the identity provider', () => {
  it('leaves a trace where nobody is let in, and not one for every call that anybody cares to make', async () => {
    const { outcomes, comeBack, later } = stand()
    for (let n = 0; n < 30; n++)
      expect(await comeBack('/v1/session/callback?code=c', begun)).toMatchObject({
        location: '/?refused=unauthenticated',
      })
    expect(outcomes).toEqual(Array(10).fill('unauthenticated'))
    await comeBack('/v1/session/callback?code=c', begun, '127.0.0.2')
    expect(outcomes).toHaveLength(11)
    later(60_000)
    await comeBack('/v1/session/callback?code=c', begun)
    expect(outcomes).toHaveLength(12)
  })

  it('takes what the provider said whole, also with a question mark in it', async () => {
    const said: string[] = []
    const { signIn, comeBack } = stand({
      begin: async () => ({
        address: 'https://id.example',
        begun: { state: 's', nonce: 'n', verifier: 'v' },
      }),
      finish: async (search) => {
        said.push(search)
        throw problem('unauthenticated')
      },
    })
    const { secret } = await signIn.begin('/')
    await comeBack('/v1/session/callback?code=a?b&state=s', secret)
    expect(said).toEqual(['?code=a?b&state=s'])
  })
})
