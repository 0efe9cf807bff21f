import { describe, expect, it } from 'vitest'
import { type Action, inScope, may, type Role } from './permissions.js'

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
