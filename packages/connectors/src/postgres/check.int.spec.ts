import type { Finding } from '@lethe/eraser-kit'
import { afterEach, describe, expect, test } from 'vitest'
import { postgres } from './connector.js'
import {
  contextOf,
  type FreshDatabase,
  freshDatabase,
  hostIo,
  openOn,
  passFor,
} from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

type Options = Parameters<typeof contextOf>[2]

/** The findings of the read-only role, as `map check` gets them. */
async function check(
  schema: string,
  elements: unknown[],
  options: Options = {},
): Promise<readonly Finding[]> {
  database = await freshDatabase(schema)
  const { findings } = await described(elements, options)
  return findings
}

async function described(elements: unknown[], options: Options = {}) {
  const description = await postgres.check?.(contextOf(database, elements, options, 'probe'), 'probe')
  if (!description) throw new Error('The connector checks nothing.')
  return description
}

const of = (level: Finding['level'], findings: readonly Finding[]) =>
  findings.filter((finding) => finding.level === level).map(({ code, where }) => `${code} ${where}`)

const people = ['1', '2', '3']

async function eraseAll(elements: unknown[], options: Options = {}): Promise<string[]> {
  const session = await openOn(database, elements, options)
  try {
    const outcomes = await session.erase(
      people.map((person) => passFor(person)),
      hostIo(),
    )
    return outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)
  } catch (error) {
    return [(error as { code: string }).code]
  } finally {
    await session.close()
  }
}

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
    const findings = await check(schema, [element(set)])
    const errors = findings.filter(({ level }) => level === 'error')
    expect(errors.map((finding) => finding.code)).toEqual([code])
    expect(errors[0]?.path?.slice(0, 3)).toEqual(['elements', 0, 'set'])
    // The proof is right: an erasure ends in a failure, save where it is only a matter of time.
    if (code !== 'replacement_collides')
      expect(await eraseAll([element(set)])).toContainEqual(
        expect.stringMatching(/^(replacement_|referenced_|constraint|store_error|map_mismatch)/),
      )
  })

  test.each(allowed)('allowed: %s', async (_, schema, set) => {
    const findings = await check(schema, [element(set)])
    expect(findings.filter(({ code }) => code.startsWith('replacement'))).toEqual([])
    expect(await eraseAll([element(set)])).toEqual(['redacted', 'redacted', 'redacted'])
  })

  test('what only holds for the rows of today is a warning', async () => {
    const findings = await check(rows(`v text, CHECK (user_id < 100 OR v <> '[erased]')`, `'1'`), [
      element({ v: '[erased]' }),
    ])
    expect(of('warning', findings)).toEqual(['replacement_unproven r.v'])
    expect(of('error', findings)).toEqual([])
  })

  test('a CHECK that reads a document sees it without its paths', async () => {
    const elements = [{ table: 'r', by: 'user_id', method: 'redact', json: { v: ['email'] } }]
    const findings = await check(rows(`v jsonb CHECK (v ? 'email')`, `'{"email": 1}'`), elements)
    expect(of('error', findings)).toEqual(['replacement_check r.v'])
    expect(await eraseAll(elements)).toContain('replacement_check')
  })

  test('nothing is changed by proving, and no value of a row is told', async () => {
    const findings = await check(
      `${rows(`v text CHECK (user_id <> 2 OR v LIKE 'secret%')`, `'secret' || u`)} CREATE TABLE log (n int);
      CREATE FUNCTION noted() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); RETURN true; END $$; ALTER TABLE r ADD CHECK (noted() OR v = 'x');`,
      [element({ v: '[erased]' })],
    )
    expect(JSON.stringify(findings)).not.toContain('secret')
    expect(of('warning', findings)).toContain('replacement_unproven r.v')
    expect(
      (await database.owner.query('SELECT count(*)::int AS n FROM r WHERE v LIKE $1', ['secret%'])).rows,
    ).toEqual([{ n: 6 }])
  })
})

describe('the shared row of detach', () => {
  const detach = (row?: object) => [
    { table: 'c', by: 'id', method: 'delete' },
    { table: 'r', by: 'user_id', method: 'detach', to: 'deleted-row', ...(row ? { row } : {}) },
  ]
  const parent = (
    columns: string,
  ) => `CREATE TABLE land (code text PRIMARY KEY); INSERT INTO land VALUES ('de');
    CREATE TABLE c (id int PRIMARY KEY${columns}); INSERT INTO c SELECT generate_series(1, 3);
    CREATE TABLE r (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES c); INSERT INTO r (user_id) SELECT id FROM c;`

  test.each([
    [", land text NOT NULL DEFAULT 'de' REFERENCES land", undefined, null],
    [", n text NOT NULL DEFAULT 'x' CHECK (n <> 'bad')", { n: 'bad' }, 'CHECK c_n_check'],
    [', n int NOT NULL DEFAULT 1', { n: 'none' }, 'is no integer'],
    [", n varchar(3) NOT NULL DEFAULT 'x'", { n: 'long' }, 'is no character varying(3)'],
    [", land text DEFAULT 'de' REFERENCES land", { land: 'xx' }, 'Foreign key c_land_fkey'],
    [", n text NOT NULL DEFAULT 'x', CHECK (id > 0)", undefined, 'CHECK c_id_check'],
  ])('is proven as well: %s with %j', async (columns, row, says) => {
    const findings = await check(parent(columns), detach(row))
    const errors = findings.filter(({ level }) => level === 'error')
    expect(errors.map(({ code }) => code)).toEqual(says ? ['shared_row_impossible'] : [])
    if (says) expect(errors[0]?.message).toContain(says)
    const outcomes = await eraseAll(detach(row))
    if (says) expect(outcomes).not.toContain('erased')
    else expect(outcomes).toEqual(['erased', 'erased', 'erased'])
  })

  test('a column that must have a value, and whose value nobody can know, is named', async () => {
    const schema = `CREATE TABLE land (code text PRIMARY KEY); INSERT INTO land VALUES ('de');
      CREATE TABLE c (id int PRIMARY KEY, land text NOT NULL REFERENCES land); CREATE TABLE r (user_id int NOT NULL REFERENCES c);`
    const findings = await check(schema, detach())
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'shared_row_impossible',
        path: ['elements', 1],
        message: expect.stringContaining('land'),
      }),
    )
    await database.close()
    expect(of('error', await check(schema, detach({ land: 'de' })))).toEqual([])
  })

  test('references that must be unique can not all lead to it', async () => {
    const findings = await check(`${parent('')} CREATE UNIQUE INDEX ON r (user_id);`, detach())
    expect(of('error', findings)).toEqual(['replacement_not_unique r.user_id'])
    expect(await eraseAll(detach())).toContain('replacement_not_unique')
  })
})

describe('map and tables', () => {
  test('everything that does not fit is said at once, each with its place', async () => {
    const findings = await check(
      'CREATE TABLE users (id int PRIMARY KEY, at text); CREATE VIEW v AS SELECT * FROM users;',
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'gone', by: 'id', method: 'delete' },
        { table: 'users', by: 'nobody', method: 'delete' },
        { table: 'v', by: 'id', method: 'delete' },
        { table: 'users', by: 'id', method: 'delete', createdAt: 'at' },
      ],
      { resolves: { user_id: 'users.missing' } },
    )
    expect(
      findings.filter(({ level }) => level === 'error').map(({ code, path }) => [code, ...(path ?? [])]),
    ).toEqual([
      ['missing_column', 'resolves', 'user_id'],
      ['missing_table', 'elements', 1],
      ['missing_column', 'elements', 2],
      ['not_a_table', 'elements', 3],
      ['unsupported_column', 'elements', 4],
    ])
  })

  test('a table that points to an erased one and is not mapped is an error naming the constraint', async () => {
    const findings = await check(
      `CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE notes (user_id int CONSTRAINT notes_owner REFERENCES users);`,
      [{ table: 'users', by: 'id', method: 'delete' }],
    )
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'referencing_unmapped',
        where: 'public.notes',
        message: expect.stringContaining('notes_owner'),
      }),
    )
  })

  test('columns that look personal are warned of, unless they are mapped or ignored', async () => {
    const findings = await check(
      `CREATE TABLE r (user_id int, billing_city text, phone_no text, sku text, ip inet, description text, shipping_address text);
       CREATE TABLE leads (contact_name text, velocity int, capacity int, city text);`,
      [{ table: 'r', by: 'user_id', method: 'redact', set: { shipping_address: null } }],
      { ignore: ['leads.city'] },
    )
    expect(of('warning', findings)).toEqual([
      'personal_unmapped public.r.billing_city',
      'personal_unmapped public.r.phone_no',
      'personal_unmapped public.r.ip',
      'personal_unmapped public.leads.contact_name',
    ])
  })

  test('missing indices are warned of: behind by:, and behind keys that lead to what is deleted', async () => {
    const findings = await check(
      `CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 20000);
       CREATE TABLE orders (id int PRIMARY KEY, buyer int REFERENCES users); INSERT INTO orders SELECT g, g FROM generate_series(1, 20000) g;
       CREATE TABLE visits (user_id int); INSERT INTO visits SELECT g FROM generate_series(1, 20000) g;
       CREATE TABLE mails (email text); CREATE INDEX ON mails (email); INSERT INTO mails SELECT g || '@x' FROM generate_series(1, 20000) g; ANALYZE;`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'orders', by: 'user_id', via: 'users', method: 'delete' },
        { table: 'visits', by: 'user_id', method: 'delete' },
        { table: 'mails', by: 'email', identifier: 'email', method: 'delete', createdAt: undefined },
      ].map((element) => (element.table === 'orders' ? { ...element, by: 'id' } : element)),
    )
    expect(of('warning', findings).filter((one) => one.startsWith('missing_index'))).toEqual([
      'missing_index visits.user_id',
      'missing_index mails.email',
      'missing_index public.orders.buyer',
    ])
  })
})
