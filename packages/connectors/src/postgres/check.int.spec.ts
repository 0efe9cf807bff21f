import { afterEach, describe, expect, test } from 'vitest'
import { Checking, of } from './checking.spec.js'

const shop = new Checking()
afterEach(() => shop.close())

/** Three people, two rows each; `columns` and constraints are what each case is about. */
const rows = (columns: string, values: string) => `
  CREATE TABLE r (id serial PRIMARY KEY, user_id int, ${columns});
  INSERT INTO r (user_id, ${columns.split(' ')[0]}) SELECT u, ${values} FROM generate_series(1, 3) u, generate_series(1, 2) n;`

type Case = [what: string, schema: string, set: Record<string, unknown>, code: string | null]

const refused: Case[] = [
  ['NULL in a NOT NULL column', rows('v text NOT NULL', `'x'`), { v: null }, 'replacement_null'],
  [
    'NULL in a domain that is NOT NULL',
    `CREATE DOMAIN d AS text NOT NULL; ${rows('v d', `'x'`)}`,
    { v: null },
    'replacement_null',
  ],
  ['a word in an integer column', rows('v int', 'u'), { v: 'none' }, 'replacement_type'],
  ['a number the type is too small for', rows('v int2', 'u'), { v: 70_000 }, 'replacement_type'],
  ['a number with too many digits', rows('v numeric(4,2)', 'u'), { v: 1000 }, 'replacement_type'],
  ['a word that is no date', rows('v date', `'2020-01-01'`), { v: 'erased' }, 'replacement_type'],
  [
    'an enum without the word',
    `CREATE TYPE mood AS ENUM ('ok'); ${rows('v mood', `'ok'::mood`)}`,
    { v: 'erased' },
    'replacement_type',
  ],
  ['a text longer than its column', rows('v varchar(5)', `'x'`), { v: '[erased]' }, 'replacement_too_long'],
  ['a random uuid in a number', rows('v int', 'u'), { v: { random: 'uuid' } }, 'replacement_type'],
  [
    'a random e-mail in 12 letters',
    rows('v varchar(12)', `'x'`),
    { v: { random: 'email' } },
    'replacement_too_long',
  ],
  [
    'a random uuid in 20 letters',
    rows('v varchar(20)', `'x'`),
    { v: { random: 'uuid' } },
    'replacement_too_long',
  ],
  [
    'what a generated column is',
    rows('v text, w text GENERATED ALWAYS AS (upper(v)) STORED', `'x'`),
    { w: 'X' },
    'replacement_generated',
  ],
  [
    'what a domain refuses',
    `CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); ${rows('v mail', `'a@b'`)}`,
    { v: '[erased]' },
    'replacement_check',
  ],
  [
    'what a CHECK refuses',
    rows(`v text CHECK (v ~ '^[0-9]+$')`, `'1'`),
    { v: '[erased]' },
    'replacement_check',
  ],
  [
    'fresh values a CHECK refuses',
    rows(`v text CHECK (v NOT LIKE '%invalid')`, `'1'`),
    { v: { random: 'email' } },
    'replacement_check',
  ],
  [
    'a CHECK over two replaced columns',
    rows('v text, w text, CHECK (v IS NOT NULL OR w IS NOT NULL)', `'1'`),
    { v: null, w: null },
    'replacement_check',
  ],
  [
    'a CHECK with a column that stays',
    rows(`v text, CHECK (user_id <> 2 OR v <> '[erased]')`, `'1'`),
    { v: '[erased]' },
    'replacement_check',
  ],
  [
    'a CHECK over the whole row',
    rows(`v text, w int, CHECK (r IS NOT NULL OR v IS NOT NULL)`, `'1'`),
    { v: null },
    'replacement_check',
  ],
  [
    'one value in a unique column',
    rows('v text UNIQUE', 'u || n::text'),
    { v: '[erased]' },
    'replacement_not_unique',
  ],
  [
    'one value in a unique expression',
    `${rows('v text', 'u || n::text')} CREATE UNIQUE INDEX ON r (lower(v));`,
    { v: '[erased]' },
    'replacement_not_unique',
  ],
  [
    'fresh values that begin alike',
    `${rows('v text', 'u || n::text')} CREATE UNIQUE INDEX ON r (left(v, 5));`,
    { v: { random: 'text' } },
    'replacement_not_unique',
  ],
  [
    'one value beside what is not unique',
    rows('v text, UNIQUE (user_id, v)', 'n::text'),
    { v: '[erased]' },
    'replacement_not_unique',
  ],
  [
    'one value in a partial index that still holds',
    `${rows('v text, live bool DEFAULT true', 'u || n::text')} CREATE UNIQUE INDEX ON r (v) WHERE live;`,
    { v: '[erased]' },
    'replacement_not_unique',
  ],
  [
    'few fresh values in a unique column',
    rows('v int2 UNIQUE', 'u * 10 + n'),
    { v: { random: 'int' } },
    'replacement_collides',
  ],
  [
    'a key that leads nowhere',
    `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); ${rows('v int REFERENCES p', '1')}`,
    { v: 0 },
    'replacement_reference',
  ],
  [
    'a fresh key',
    `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); ${rows('v int REFERENCES p', '1')}`,
    { v: { random: 'int' } },
    'replacement_reference',
  ],
  [
    'half of a key that is full or empty',
    `CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1), (2, 2), (3, 3); ${rows('v int, w int, FOREIGN KEY (v, w) REFERENCES p MATCH FULL', 'NULL')} UPDATE r SET v = user_id, w = user_id;`,
    { v: null },
    'replacement_reference',
  ],
  [
    'a key whose other half stays',
    `CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1), (0, 9); ${rows('v int, w int, FOREIGN KEY (v, w) REFERENCES p', 'NULL')} UPDATE r SET v = 1, w = 1;`,
    { v: 0 },
    'replacement_reference',
  ],
  [
    'a column that others point to',
    `${rows('v int UNIQUE', 'u * 10 + n')} CREATE TABLE c (v int REFERENCES r (v)); INSERT INTO c VALUES (11), (21), (31);`,
    { v: null },
    'replacement_referenced',
  ],
]

const allowed: Case[] = [
  ['NULL where it may be', rows('v text UNIQUE', 'u || n::text'), { v: null }, null],
  ['a value of the type', rows('v date', `'2020-01-01'`), { v: '1970-01-01' }, null],
  [
    'a fresh e-mail in a unique expression',
    `${rows("v text CHECK (v LIKE '%@%')", `u || '@' || n`)} CREATE UNIQUE INDEX ON r (lower(v));`,
    { v: { random: 'email' } },
    null,
  ],
  ['a fresh uuid', rows('v uuid UNIQUE', 'gen_random_uuid()'), { v: { random: 'uuid' } }, null],
  ['one value beside the primary key', rows('v text, UNIQUE (id, v)', 'n::text'), { v: '[erased]' }, null],
  [
    'one value that leaves a partial index',
    `${rows('v text, live bool DEFAULT true', 'u || n::text')} CREATE UNIQUE INDEX ON r (v) WHERE live;`,
    { v: '[erased]', live: false },
    null,
  ],
  [
    'a key to a row kept for it',
    `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (0), (1); ${rows('v int REFERENCES p', '1')}`,
    { v: 0 },
    null,
  ],
  [
    'no key',
    `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); ${rows('v int REFERENCES p', '1')}`,
    { v: null },
    null,
  ],
]

describe('a replacement is proven by the server that will have to take it', () => {
  const element = (set: Record<string, unknown>) => ({ table: 'r', by: 'user_id', method: 'redact', set })

  test.each(refused)('refused: %s', async (_, schema, set, code) => {
    const findings = await shop.check(schema, [element(set)])
    const errors = findings.filter(({ level }) => level === 'error')
    expect(errors.map((finding) => finding.code)).toEqual([code])
    expect(errors[0]?.path?.slice(0, 3)).toEqual(['elements', 0, 'set'])
    // The proof is right: an erasure ends in a failure, save where it is only a matter of time.
    if (code !== 'replacement_collides')
      expect(await shop.erase([element(set)])).toContainEqual(
        expect.stringMatching(/^(replacement_|referenced_|constraint|store_error|map_mismatch)/),
      )
  })

  test.each(allowed)('allowed: %s', async (_, schema, set) => {
    const findings = await shop.check(schema, [element(set)])
    expect(findings.filter(({ code }) => code.startsWith('replacement'))).toEqual([])
    expect(await shop.erase([element(set)])).toEqual(['redacted', 'redacted', 'redacted'])
  })

  test('what only holds for the rows of today is a warning', async () => {
    const findings = await shop.check(rows(`v text, CHECK (user_id < 100 OR v <> '[erased]')`, `'1'`), [
      element({ v: '[erased]' }),
    ])
    expect(of('warning', findings)).toEqual(['replacement_unproven r.v'])
    expect(of('error', findings)).toEqual([])
  })

  test('a CHECK that reads a document sees it without its paths', async () => {
    const elements = [{ table: 'r', by: 'user_id', method: 'redact', json: { v: ['email'] } }]
    const findings = await shop.check(rows(`v jsonb CHECK (v ? 'email')`, `'{"email": 1}'`), elements)
    expect(of('error', findings)).toEqual(['replacement_check r.v'])
    expect(await shop.erase(elements)).toContain('replacement_check')
  })

  test('nothing is changed by proving, and no value of a row is told', async () => {
    const findings = await shop.check(
      `${rows(`v text CHECK (user_id <> 2 OR v LIKE 'secret%')`, `'secret' || u`)} CREATE TABLE log (n int);
      CREATE FUNCTION noted() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); RETURN true; END $$; ALTER TABLE r ADD CHECK (noted() OR v = 'x');`,
      [element({ v: '[erased]' })],
    )
    expect(JSON.stringify(findings)).not.toContain('secret')
    expect(of('warning', findings)).toContain('replacement_unproven r.v')
    expect(
      (await shop.owner.query('SELECT count(*)::int AS n FROM r WHERE v LIKE $1', ['secret%'])).rows,
    ).toEqual([{ n: 6 }])
  })
})
