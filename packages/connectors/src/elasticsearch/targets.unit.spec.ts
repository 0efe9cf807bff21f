import { describe, expect, it } from 'vitest'
import { elasticsearchSystem } from './grammar.js'
import { indexInfo } from './mapping.js'
import { select } from './people.js'
import { isTooLong, personQuery } from './query.js'
import { jobsOf, targetOf } from './targets.js'

const rules = { tenant: { none: true }, canonical: 'user_id' } as const
const users = { name: 'users', by: 'user_id', method: 'delete' }
const info = (change: object = {}) =>
  indexInfo.parse({
    aliases: {},
    mappings: {
      properties: {
        user_id: { type: 'text', fields: { raw: { type: 'keyword' } } },
        mail: { type: 'keyword' },
      },
    },
    settings: { index: {} },
    ...change,
  })
function target(indices: readonly unknown[], change?: object) {
  const [job] = jobsOf(elasticsearchSystem.parse({ indices }))
  if (!job) throw new RangeError('no job')
  return targetOf(job, 'users', new Map([['users', info(change)]]), { ...rules, now: 0 })
}

describe('a target', () => {
  it('is searched by the keyword subfield of a text', () => {
    expect(target([users]).ways[0]?.field.path).toBe('user_id.raw')
  })

  it('is no data stream', () => {
    expect(() => target([users], { data_stream: 'users' })).toThrow('is a data stream')
  })

  it('is not redacted where _source is incomplete', () => {
    const redact = { ...users, method: 'redact', set: { user_id: null } }
    const mappings = { ...info().mappings, _source: { excludes: ['secret'] } }
    expect(() => target([redact], { mappings })).toThrow('keeps no complete _source')
  })
})

describe('a query', () => {
  const mails = { name: 'users', by: 'mail', identifier: 'email', method: 'delete' }
  const person = (identifiers: { type: 'user_id' | 'email'; value: string }[]) => {
    const wanting = { names: [], types: ['user_id', 'email'], ...rules } as const
    const selected = select({ subjectRef: 's', tenantId: 't', identifiers, receivedAt: 0 }, 0, wanting)
    if (!selected.ok) throw new RangeError(selected.code)
    return selected.person
  }

  it.each(['*', 'u?', '/u.*/', 'u1 OR u2', '', '\ud800'])('never reads %j as more than a value', (value) => {
    const asked = () => JSON.stringify(personQuery(target([users]), person([{ type: 'user_id', value }])))
    if (value === '' || value === '\ud800') expect(asked).toThrow('invalid_identifier')
    else expect(asked()).toContain(JSON.stringify({ term: { 'user_id.raw': { value } } }))
  })

  it('folds case for e-mails only', () => {
    const both = person([
      { type: 'user_id', value: 'U1' },
      { type: 'email', value: 'a@x' },
    ])
    expect(JSON.stringify(personQuery(target([users, mails]), both))).toMatch(
      /"value":"a@x","case_insensitive":true/,
    )
    expect(JSON.stringify(personQuery(target([users]), both))).not.toContain('case_insensitive')
  })

  it('is not asked for a value that the index leaves out', () => {
    const long = person([{ type: 'user_id', value: 'u'.repeat(9_000) }])
    expect(isTooLong(target([users]), long)).toBe(true)
  })
})
