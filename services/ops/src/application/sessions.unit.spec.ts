import { createHash } from 'node:crypto'
import { Credentials } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { Entry } from './journal.js'
import { defaultSessionOptions, Sessions } from './sessions.js'

function stand() {
  const noted: Entry[] = []
  let now = Date.now()
  const of = (id: string, role: 'viewer' | 'eraser') => ({
    id,
    sha256: createHash('sha256').update(`token-${id}`).digest('hex'),
    roles: [role],
    tenants: ['shop'],
  })
  const credentials = new Credentials([of('ada', 'viewer'), of('cache', 'eraser')])
  const journal = { note: (entry: Entry) => void noted.push(entry) }
  const sessions = new Sessions(credentials, null, journal, defaultSessionOptions, () => now)
  return { noted, sessions, later: (ms: number) => (now += ms) }
}

describe('the audit of sessions', () => {
  it('says who was not let in where that is known, and nobody where it is not', async () => {
    const { noted, sessions } = stand()
    await expect(sessions.open('token-cache')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(sessions.open('token-unknown')).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(noted).toMatchObject([
      { action: 'sign_in', outcome: 'forbidden', credentialId: 'cache' },
      { action: 'sign_in', outcome: 'unauthenticated', credentialId: '' },
    ])
  })

  it('tells of the end of a session that nobody came back to', async () => {
    const { noted, sessions, later } = stand()
    const { session } = await sessions.open('token-ada')
    later(defaultSessionOptions.idleMs)
    await sessions.open('token-ada')
    expect(session.ended.signal.aborted).toBe(true)
    expect(noted).toContainEqual({
      action: 'session_ended',
      target: 'session',
      outcome: 'unused',
      credentialId: 'ada',
      sessionId: session.id,
    })
  })
})
