import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIndexName } from './elasticsearch/index-name.js'
import { keptUntil, untilOf } from './elasticsearch/retention.js'
import { kinds } from './kinds.js'
import { parseFacts } from './redis/store.js'
import { parseTemplate, type Token } from './redis/template.js'

const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '{user_id}',
        '{tenant}',
        '{',
        '}',
        '{{',
        '}}',
        '*',
        ':',
        'user',
        '?',
        '[',
        '\\',
        '-',
        '_',
        ',',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''))

const written = (token: Token): string => {
  if (token.type === 'star') return '*'
  return token.type === 'placeholder'
    ? `{${token.name}}`
    : token.text.replaceAll('{', '{{').replaceAll('}', '}}')
}

describe('a key template of any content', () => {
  it('is read token by token as it is written, or is refused with what to do', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        const parsed = parseTemplate(text)
        if (!parsed.ok) {
          expect(parsed.message).toMatch(/\w+ \w+/)
          return
        }
        const { tokens } = parsed.template
        expect(tokens.map(written).join('')).toBe(text)
        expect(tokens.filter(({ type }) => type === 'star').length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2_000 },
    )
  })

  it('never has a placeholder beside a letter, a digit, a * or another placeholder', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        const parsed = parseTemplate(text)
        if (!parsed.ok) return
        for (const [at, token] of parsed.template.tokens.entries()) {
          if (token.type !== 'placeholder') continue
          for (const beside of [parsed.template.tokens[at - 1], parsed.template.tokens[at + 1]])
            if (beside) expect(beside.type).toBe('literal')
        }
        expect(parsed.template.delimiters).not.toMatch(/[a-z0-9*]/i)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('an index name of any content', () => {
  it('names one index without a wildcard, or is refused with what to do', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        const parsed = parseIndexName(text)
        if (!parsed.ok) {
          expect(parsed.message).toMatch(/\w+ \w+/)
          return
        }
        const { before, after, tenanted } = parsed.name
        expect(tenanted ? `${before}{tenant}${after}` : before + after).toBe(text)
        expect(before + after).toMatch(/^[a-z0-9._-]+$/)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what Redis says of itself', () => {
  it('is read, or refused as a replica or as busy, whatever else it says', () => {
    const field = fc.tuple(
      fc.oneof(fc.constantFrom('role', 'loading', 'maxmemory_policy', 'cluster_enabled'), fc.string()),
      fc.oneof(fc.constantFrom('master', 'slave', '1', '0', ''), fc.string({ unit: 'binary' })),
    )
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        try {
          const facts = parseFacts(fields.map(([name, value]) => `${name}:${value}`).join('\r\n'))
          expect(typeof facts.version).toBe('string')
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^(replica|store_busy)$/)
        }
      }),
    )
  })
})

describe('an until: of any content', () => {
  const retained = (until: string) => ({ ground: '17(3)(b)', citation: 'a law', until })
  const sections = {
    postgres: (until: string) => ({
      elements: [{ table: 'orders', by: 'user_id', method: 'retain', retain: retained(until) }],
    }),
    elasticsearch: (until: string) => ({
      indices: [{ name: 'orders', by: 'user_id', method: 'retain', retain: retained(until) }],
    }),
  }
  const takes = (kind: keyof typeof sections, until: string): boolean =>
    kinds[kind]?.system.safeParse(sections[kind](until)).success === true
  const both = ['postgres', 'elasticsearch'] as const

  it('that is a date is taken where the calendar has it, and nowhere else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...both),
        // PostgreSQL knows no year 0.
        fc.integer({ min: 1, max: 9999 }),
        fc.nat(14),
        fc.nat(33),
        (kind, year, month, day) => {
          const padded = [
            String(year).padStart(4, '0'),
            ...[month, day].map((n) => String(n).padStart(2, '0')),
          ]
          const date = new Date(0)
          date.setUTCFullYear(year, month - 1, day)
          const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
          expect(takes(kind, padded.join('-')), padded.join('-')).toBe(exists)
        },
      ),
      {
        examples: [
          ['postgres', 2031, 2, 30],
          ['elasticsearch', 2031, 2, 30],
          ['postgres', 2031, 13, 1],
        ],
      },
    )
  })

  it('that is a time is taken where its end can be told', () => {
    const near = fc.stringMatching(/^P?[0-9YMWD]{0,9}( from )?[a-z.*]{0,6}$/)
    const part = fc.oneof(fc.nat(99), fc.nat(), fc.constant(99_999_999_999))
    const counted = fc.tuple(part, part).map(([years, days]) => `P${years}Y${days}D from created_at`)
    fc.assert(
      fc.property(fc.oneof(near, counted), (until) => {
        if (takes('elasticsearch', until)) {
          const end = keptUntil(untilOf(until), Date.UTC(2026, 0, 1))
          expect(Number.isSafeInteger(end), until).toBe(true)
        }
        // What one connector takes the other takes, but for dots in a column and wildcards in a field.
        if (!/[.*]/.test(until)) expect(takes('postgres', until)).toBe(takes('elasticsearch', until))
      }),
      { numRuns: 1_000 },
    )
  })
})
