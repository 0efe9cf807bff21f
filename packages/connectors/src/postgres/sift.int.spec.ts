import {
  columnsOf,
  type PeopleColumns,
  type ProbeFinding,
  type ProbeSession,
  type Subject,
} from '@lethe/eraser-kit'
import { afterEach, describe, expect, it } from 'vitest'
import { postgres } from './connector.js'
import { contextOf, type FreshDatabase, freshDatabase, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
let session: ProbeSession | undefined
afterEach(async () => {
  await session?.close()
  session = undefined
  await database?.close()
})

type Change = Parameters<typeof contextOf>[2]

async function open(elements: unknown[], change: Change = {}): Promise<ProbeSession> {
  session = await postgres.openProbe(contextOf(database, elements, change, 'probe'))
  return session
}
const person = (identifiers: Record<string, string> | string, tenantId = 'acme'): Subject =>
  passFor(identifiers, { tenantId }).subject
const sifted = async (probe: ProbeSession, subjects: readonly Subject[]) =>
  probe.sift?.(columnsOf(subjects)) ?? []

const isClean = ({ result, undated = {} }: ProbeFinding) =>
  result === 'clean' && Object.keys(undated).length === 0

/** Places of those whom the probe does not call plainly clean. */
async function uncleanOf(probe: ProbeSession, subjects: readonly Subject[]): Promise<number[]> {
  const findings = await probe.probe(subjects)
  return findings.flatMap((finding, place) => (isClean(finding) ? [] : [place]))
}

const HOSTILE = [
  "'; DROP TABLE users; --",
  '9'.repeat(30),
  '9223372036854775808',
  '2147483648',
  '-1',
  '01',
  '',
  ' 7',
  '7\n',
  '\u0000',
  '7\u0000',
  '\ud800',
  '"7"',
  '7","8',
  '\\7',
  '{7}',
  'NULL',
]

const USERS = [{ table: 'users', by: 'id', method: 'delete' }]
/** Number and text columns, a creation column, one of each tenant, and a table that only e-mails lead to. */
const SCHEMA = `
  CREATE TABLE users (id int PRIMARY KEY, email text, tenant_id text NOT NULL);
  CREATE TABLE carts (user_id bigint REFERENCES users, tenant_id text NOT NULL);
  CREATE TABLE newsletter (email text, at timestamptz, tenant_id text NOT NULL);
  CREATE TABLE leads (email varchar(90), tenant_id text NOT NULL);
  CREATE TABLE notes (user_id text, tenant_id text);
  INSERT INTO users VALUES (7, 'seven@x.test', 'acme'), (8, 'eight@x.test', 'acme'), (9, NULL, 'other');
  INSERT INTO carts VALUES (8, 'acme'), (9, 'other');
  INSERT INTO newsletter VALUES ('new@x.test', '2999-01-01', 'acme'), ('old@x.test', '2001-01-01', 'acme'), ('when@x.test', NULL, 'acme');
  INSERT INTO leads VALUES ('Lead@x.test', 'acme');
  INSERT INTO notes VALUES ('"q\\o', 'acme'), ('free', NULL);`
const ELEMENTS = [
  { table: 'carts', by: 'user_id', method: 'delete' },
  { table: 'notes', by: 'user_id', method: 'delete' },
  { table: 'newsletter', by: 'email', identifier: 'email', method: 'delete', createdAt: 'at' },
  { table: 'leads', by: 'email', identifier: 'email', method: 'delete' },
  { table: 'users', by: 'id', method: 'delete' },
]
const several = (...values: string[]): Subject => ({
  ...person('1'),
  identifiers: values.map((value) => ({ type: 'user_id', value })),
})
const mixed = (): Subject[] => [
  person('1'),
  person('7'),
  person({ user_id: '2', email: 'nobody@x.test' }),
  person({ user_id: '3', email: 'LEAD@x.test' }),
  person({ user_id: '3', email: 'new@x.test' }),
  person({ user_id: '3', email: 'old@x.test' }),
  person({ user_id: '3', email: 'when@x.test' }),
  ...HOSTILE.map((value) => person(value)),
  ...HOSTILE.map((email) => person({ email })),
  { ...person('7'), identifiers: [] },
  person('9'),
  person('9', 'other'),
  person('7', 'other'),
  person('7', ''),
  person('7', '\u0000'),
  several('1', '2', '8'),
  several('8', '1'),
  several('1', '2'),
  person('"q\\o'),
  person('free'),
  person({ phone: '+4917' }),
  person({ 'vendor:stripe': 'cus_7' }),
  person('8'),
]

describe('a sift', () => {
  const rules = [{ column: 'tenant_id' }, { constant: 'acme' }, { none: true }] as const
  it.each(rules)('leaves out exactly whom the probe calls plainly clean, under tenant %j', async (tenant) => {
    database = await freshDatabase(SCHEMA)
    const probe = await open(ELEMENTS, { tenant })
    const people = mixed()
    const unclean = await uncleanOf(probe, people)
    expect(unclean).toEqual(expect.arrayContaining([1, 3, 5, 6, people.length - 1]))
    expect(unclean).not.toContain(0)
    expect(unclean).not.toContain(4)
    expect(await sifted(probe, people)).toEqual(unclean)
    const turned = people.toReversed()
    expect(await sifted(probe, turned)).toEqual(await uncleanOf(probe, turned))
    for (const one of people) expect(await sifted(probe, [one])).toEqual(await uncleanOf(probe, [one]))
  })

  it('keeps who is known by an e-mail alone that leads to an undated record, and of whom nothing can be asked', async () => {
    database = await freshDatabase(SCHEMA)
    const probe = await open(ELEMENTS, { tenant: { constant: 'acme' } })
    const people = [
      person('1'),
      person({ user_id: '3', email: 'when@x.test' }),
      { ...person('1'), identifiers: [] },
      person('1', 'other'),
      person('2'),
    ]
    const findings = await probe.probe(people)
    expect(findings.map(({ result, reasonCode }) => reasonCode ?? result)).toEqual([
      'clean',
      'residual',
      'no_identifier',
      'unknown_tenant',
      'clean',
    ])
    expect(findings[1]?.undated).toEqual({ newsletter: 1 })
    expect(await sifted(probe, people)).toEqual([1, 2, 3])
  })

  it('finds one of thousands, at the ends and in between', async () => {
    database = await freshDatabase(SCHEMA)
    const probe = await open(ELEMENTS, { tenant: { column: 'tenant_id' } })
    const people = Array.from({ length: 5_000 }, (_, n) =>
      person({ user_id: String(n + 100), email: `n${n}@x.test` }),
    )
    expect(await sifted(probe, people)).toEqual([])
    for (const place of [0, 2_500, 4_999]) people[place] = person('7')
    expect(await sifted(probe, people)).toEqual([0, 2_500, 4_999])
    expect(await sifted(probe, [])).toEqual([])
  })

  it.each([
    ['a right is taken away', 'REVOKE SELECT ON users FROM %s', 'missing_rights'],
    ['a table that is not of the map is hidden', 'REVOKE SELECT ON carts FROM %s', 'unreadable_table'],
    ['a table is gone', 'DROP TABLE carts; DROP TABLE users', 'missing_table'],
    [
      'the column people are found by has another name',
      'ALTER TABLE users RENAME id TO number',
      'missing_column',
    ],
    ['rows are filtered', 'ALTER TABLE users ENABLE ROW LEVEL SECURITY', 'rls_active'],
  ])('says of everybody that it is not certain where %s, as the probe does', async (_, sql, reason) => {
    database = await freshDatabase(SCHEMA)
    const probe = await open(USERS)
    const people = [person('1'), person('2'), person('7')]
    expect(await sifted(probe, people)).toEqual([2])
    await database.owner.query(sql.replace('%s', database.prober))
    const findings = await probe.probe(people)
    expect(findings.map(({ reasonCode }) => reasonCode)).toEqual([reason, reason, reason])
    expect(await sifted(probe, people)).toEqual([0, 1, 2])
  })

  it('takes no columns that disagree: somebody would be looked for by less than they are known by', async () => {
    database = await freshDatabase(SCHEMA)
    const probe = await open(USERS)
    const whole = columnsOf([person('1'), person('7')])
    const disagreeing: PeopleColumns[] = [
      { ...whole, values: ['1'] },
      { ...whole, types: ['user_id'] },
      { ...whole, counts: [1] },
      { ...whole, counts: [1, 2] },
      { ...whole, tenantIds: ['acme'] },
      { ...whole, receivedAt: [1] },
    ]
    for (const people of disagreeing)
      await expect(probe.sift?.(people)).rejects.toMatchObject({ code: 'people_disagree' })
    await expect(probe.sift?.(whole)).resolves.toEqual([1])
  })
})
