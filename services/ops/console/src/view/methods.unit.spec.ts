import { expect, it } from 'vitest'
import { methodsOf } from './methods.js'

const element = (method: string) => ({ name: 'n', method, category: null, basis: null })
const map = {
  outline: {
    systems: [{ systemId: 'pg', elements: ['delete', 'redact', 'delete'].map(element) }],
  },
} as never

it('counts the methods of a system, and says nothing of one it does not know', () => {
  expect(methodsOf(map, 'pg')).toBe('delete 2, redact 1')
  expect(methodsOf(map, 'cache')).toBeNull()
  expect(methodsOf(null, 'pg')).toBeNull()
  expect(methodsOf({ outline: null }, 'pg')).toBeNull()
})
