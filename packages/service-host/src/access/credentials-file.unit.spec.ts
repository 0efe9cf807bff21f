import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Credentials } from './credentials-file.js'

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
const entry = (token: string, extra: object = {}) => ({
  id: token,
  sha256: sha256(token),
  roles: ['viewer' as const],
  tenants: ['shop'],
  ...extra,
})

describe('credentials', () => {
  const known = new Credentials([
    entry('a'),
    entry('b', { expiresAt: 1_000 }),
    entry('c', { systemId: 'cache' }),
  ])

  it('are known by the digest of their token only', () => {
    expect(known.authenticate('a', 0)).toMatchObject({ ok: true, caller: { id: 'a', systemId: null } })
    expect(known.authenticate(sha256('a'), 0)).toEqual({ ok: false, reason: 'unknown' })
    expect(known.authenticate('', 0)).toEqual({ ok: false, reason: 'unknown' })
    expect(known.authenticate('c', 0)).toMatchObject({ caller: { systemId: 'cache' } })
  })

  it('end at their date', () => {
    expect(known.authenticate('b', 999)).toMatchObject({ ok: true })
    expect(known.authenticate('b', 1_000)).toEqual({ ok: false, reason: 'expired' })
  })
})
