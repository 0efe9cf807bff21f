import { describe, expect, it } from 'vitest'
import { type Action, inScope, may, mayDoTask, type Role } from './permissions.js'

const caller = (role: Role, tenants: string[] = ['shop']) => ({
  id: 'c',
  roles: [role],
  tenants,
  systemId: null,
})
const actions: Action[] = [
  'read',
  'create',
  'preview',
  'approve',
  'refuse',
  'hold',
  'release',
  'cancel',
  'extend',
  'retry',
  'clear',
  'look',
  'read_map',
]
const allowedTo = (role: Role) => actions.filter((action) => may(caller(role), action))

describe('roles', () => {
  it('let a viewer only look', () => expect(allowedTo('viewer')).toEqual(['read', 'read_map']))
  it('let a service ask, follow and withdraw', () =>
    expect(allowedTo('service')).toEqual(['read', 'create', 'cancel']))
  it('let an eraser do nothing but its work', () =>
    expect(allowedTo('eraser')).toEqual(['clear', 'read_map']))
  it('let a probe look, and never erase', () => expect(allowedTo('probe')).toEqual(['look', 'read_map']))
  it('let an operator run requests, not decide them', () =>
    expect(allowedTo('operator')).toEqual(['read', 'create', 'preview', 'cancel', 'retry', 'read_map']))
  it('let nobody but erasers and probes get clearance, not even an administrator', () =>
    expect(allowedTo('admin')).toEqual(actions.filter((action) => action !== 'clear' && action !== 'look')))

  it('reach no tenant that is not listed', () => {
    expect(inScope(caller('admin'), 'other')).toBe(false)
    expect(inScope(caller('admin', ['*']), 'other')).toBe(true)
    expect(inScope(caller('admin', []), 'shop')).toBe(false)
  })
})

describe('a task', () => {
  const who = (least: string | null) =>
    (['viewer', 'service', 'eraser', 'operator', 'privacy_officer', 'admin'] as const).filter((role) =>
      mayDoTask(caller(role), 'take', least),
    )
  it('is for the role that the data map wants, and for those above it', () => {
    expect(who('operator')).toEqual(['operator', 'privacy_officer', 'admin'])
    expect(who('privacy_officer')).toEqual(['privacy_officer', 'admin'])
    expect(who('admin')).toEqual(['admin'])
    expect(who(null)).toEqual(['operator', 'privacy_officer', 'admin'])
  })

  it('of a role nobody knows is nobody’s', () => expect(who('janitor')).toEqual([]))

  it('shows its evidence to officers only', () =>
    expect(mayDoTask(caller('operator'), 'evidence', 'operator')).toBe(false))
})
