import { describe, expect, it } from 'vitest'
import { namesPerson } from './names-person.js'

const person = [
  { type: 'user_id', value: 'u-4711' },
  { type: 'email', value: 'ada@example.com' },
  { type: 'phone', value: '+4930123456' },
] as const

describe('a text for an event', () => {
  it.each(['about U-4711', 'see someone@else.org', 'called from +49 (30) 12-34-56', 'ADA@EXAMPLE.COM'])(
    '%j names a person',
    (text) => expect(namesPerson(text, person)).toBe(true),
  )

  it.each(['§ 147 AO, ten years', 'Article 17(3)(b) GDPR', ''])('%j names nobody', (text) =>
    expect(namesPerson(text, person)).toBe(false),
  )

  it('is not refused for an identifier so short that it stands in any word', () =>
    expect(namesPerson('the law', [{ type: 'user_id', value: 'a' }])).toBe(false))
})
