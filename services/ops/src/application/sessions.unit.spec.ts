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

describe('a session that has run out', () => {
  it('is over at once although nobody asks, and its cookie is told why for as long as it comes back', async () => {
    const { noted, sessions, later } = stand()
    const { secret, session } = await sessions.open('token-ada')
    later(defaultSessionOptions.idleMs - 1)
    sessions.endOverdue()
    expect(session.ended.signal.aborted).toBe(false)
    later(1)
    sessions.endOverdue()
    sessions.endOverdue()
    expect(session.ended.signal.aborted).toBe(true)
    expect(noted.filter(({ action }) => action === 'session_ended')).toHaveLength(1)
    for (let n = 0; n < 2; n++)
      expect(() => sessions.find(secret, true)).toThrowError(
        expect.objectContaining({ code: 'unauthenticated', extensions: { ended: 'unused' } }),
      )
  })

  it('is not confused with one that was signed out of, of which nothing is remembered', async () => {
    const { sessions } = stand()
    const { secret } = await sessions.open('token-ada')
    sessions.end(secret)
    expect(() => sessions.find(secret, true)).toThrowError(
      expect.objectContaining({ code: 'unauthenticated', extensions: {} }),
    )
  })
})
