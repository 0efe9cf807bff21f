import { expect, it } from 'vitest'
import { waitsOf } from './screen.js'

it('measures each acknowledgement against the moment it was shown', () => {
  const written = new Map([['a', [1_000, 1_200]]])
  expect(waitsOf(written, new Map([['a', [1_100, 1_450]]]))).toEqual([100, 250])
})

it('gives no figure for a page that did not show every acknowledgement, or of which the topic has none', () => {
  const written = new Map([['a', [1_000, 1_200]]])
  expect(() => waitsOf(written, new Map([['a', [1_100]]]))).toThrow('a: 2 acknowledgements, 1 shown')
  expect(() => waitsOf(written, new Map([['a', []]]))).toThrow('0 shown')
  expect(() => waitsOf(new Map(), new Map([['a', []]]))).toThrow('0 acknowledgements')
})
