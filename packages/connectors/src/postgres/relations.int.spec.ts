import type { Outcome } from '@lethe/eraser-kit'
import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

async function erase(
  schema: string,
  elements: unknown[],
  people: readonly string[],
  change: Parameters<typeof openOn>[2] = {},
): Promise<Outcome[]> {
  database = await freshDatabase(schema)
  const session = await openOn(database, elements, change)
  try {
    return await session.erase(
      people.map((person) => passFor(person)),
      hostIo(),
    )
  } finally {
    await session.close()
  }
}

const rows = async (table: string) =>
  (await database.owner.query(`SELECT * FROM ${table} ORDER BY 1, 2`)).rows.map((row) => Object.values(row))
const said = (outcomes: readonly Outcome[]) => outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)

describe('relations', () => {
  test('go from both sides, someone who follows themselves counts once', async () => {
    const outcomes = await erase(
      `CREATE TABLE users (id text PRIMARY KEY);
       CREATE TABLE follows (follower text REFERENCES users, followed text REFERENCES users, PRIMARY KEY (follower, followed));
       INSERT INTO users VALUES ('u1'), ('u10'), ('u2'), ('u3');
       INSERT INTO follows VALUES ('u1', 'u2'), ('u2', 'u1'), ('u1', 'u1'), ('u10', 'u2'), ('u2', 'u10'), ('u3', 'u2');`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'follows', by: 'follower', method: 'delete' },
        { table: 'follows', by: 'followed', method: 'delete' },
      ],
      ['u1', 'u3'],
    )
    expect(outcomes.map(({ counts }) => [counts.follows?.found, counts.follows?.erased])).toEqual([
      [3, 3],
      [1, 1],
    ])
    expect(await rows('follows')).toEqual([
      ['u10', 'u2'],
      ['u2', 'u10'],
    ])
  })

  test('between two people of one batch belong to both and go once', async () => {
    const outcomes = await erase(
      `CREATE TABLE chats (a int, b int, PRIMARY KEY (a, b)); INSERT INTO chats VALUES (1, 2), (2, 3), (3, 4);`,
      [
        { table: 'chats', by: 'a', method: 'delete' },
        { table: 'chats', by: 'b', method: 'delete' },
      ],
      ['1', '2'],
    )
    expect(said(outcomes)).toEqual(['erased', 'erased'])
    expect(await rows('chats')).toEqual([[3, 4]])
  })
})

describe('detach', () => {
  test('redacts the row in the same statement', async () => {
    const outcomes = await erase(
      `CREATE TABLE customer (id int PRIMARY KEY); CREATE TABLE invoice (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, street text, extra jsonb);
       INSERT INTO customer VALUES (1), (2); INSERT INTO invoice VALUES (1, 1, 'a', '{"mail": "x", "n": 1}'), (2, 2, 'b', NULL);`,
      [
        { table: 'customer', by: 'id', method: 'delete' },
        {
          table: 'invoice',
          by: 'customer_id',
          method: 'detach',
          to: 'deleted-row',
          set: { street: null },
          json: { extra: ['mail'] },
        },
      ],
      ['1'],
    )
    expect(outcomes[0]?.counts).toMatchObject({ invoice: { found: 1, redacted: 1 }, customer: { erased: 1 } })
    expect(await rows('invoice')).toEqual([
      [1, expect.any(Number), null, { n: 1 }],
      [2, 2, 'b', null],
    ])
  })

  test('comes after a redaction that finds its rows by the same column', async () => {
    const outcomes = await erase(
      `CREATE TABLE customer (id int PRIMARY KEY); CREATE TABLE invoice (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, street text);
       INSERT INTO customer VALUES (1); INSERT INTO invoice VALUES (1, 1, 'a');`,
      [
        { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row' },
        { table: 'invoice', by: 'customer_id', method: 'redact', set: { street: '[erased]' } },
      ],
      ['1'],
    )
    expect(said(outcomes)).toEqual(['redacted'])
    expect(await rows('invoice')).toEqual([[1, expect.any(Number), '[erased]']])
  })
})

describe('reassign', () => {
  const TEAM = `
    CREATE TABLE users (id text PRIMARY KEY);
    CREATE TABLE teams (id int PRIMARY KEY, lead text REFERENCES users ON DELETE SET NULL);
    CREATE TABLE files (id int PRIMARY KEY, team int REFERENCES teams, owner_id text NOT NULL REFERENCES users, name text);
    CREATE TABLE shares (file int REFERENCES files ON DELETE CASCADE, user_id text REFERENCES users, PRIMARY KEY (file, user_id));
    INSERT INTO users VALUES ('u1'), ('u2'), ('u3'); INSERT INTO teams VALUES (1, 'u2'), (2, NULL), (3, 'u1');
    INSERT INTO files VALUES (1, 1, 'u1', 'with a lead'), (2, 2, 'u1', 'without'), (3, 3, 'u1', 'own team'), (4, 1, 'u3', 'of somebody else');`
  const files = { table: 'files', by: 'owner_id', method: 'reassign', to: 'teams.lead' }
  const others = [
    { table: 'users', by: 'id', method: 'delete' },
    { table: 'teams', by: 'lead', method: 'redact', set: { lead: null } },
    { table: 'shares', by: 'user_id', method: 'delete' },
  ]

  test('hands shared things to the owner of what they belong to, and deletes the others', async () => {
    const outcomes = await erase(TEAM, [{ ...files, when: 'shared', else: 'delete' }, ...others], ['u1'])
    expect(outcomes[0]).toMatchObject({
      outcome: 'erased',
      counts: { files: { found: 3, erased: 2, redacted: 1 } },
    })
    expect(await rows('files')).toEqual([
      [1, 1, 'u2', 'with a lead'],
      [4, 1, 'u3', 'of somebody else'],
    ])
  })

  test('takes a column of the row itself as the new owner', async () => {
    await erase(
      `CREATE TABLE files (id int PRIMARY KEY, owner_id int, workspace_owner int); INSERT INTO files VALUES (1, 1, 9), (2, 1, 1), (3, 1, NULL), (4, 2, 9);`,
      [
        {
          table: 'files',
          by: 'owner_id',
          method: 'reassign',
          to: 'workspace_owner',
          when: 'shared',
          else: 'delete',
        },
      ],
      ['1'],
    )
    expect(await rows('files')).toEqual([
      [1, 9, 9],
      [4, 2, 9],
    ])
  })

  test('never hands anything to somebody erased in the same batch', async () => {
    const outcomes = await erase(
      TEAM,
      [{ ...files, when: 'shared', else: 'delete' }, ...others],
      ['u1', 'u2'],
    )
    expect(said(outcomes)).toEqual(['erased', 'erased'])
    expect(await rows('files')).toEqual([[4, 1, 'u3', 'of somebody else']])
  })

  test('with sharedIn: only what somebody else stands in is kept, and it must find an owner', async () => {
    const outcomes = await erase(
      `${TEAM} INSERT INTO shares VALUES (1, 'u1'), (2, 'u1'), (4, 'u1'), (4, 'u3');`,
      [{ ...files, when: 'shared', sharedIn: 'shares.user_id', else: 'delete' }, ...others],
      ['u1'],
    )
    expect(said(outcomes)).toEqual(['erased'])
    expect((await rows('files')).map(([id]) => id)).toEqual([4])
    await database.close()
    const shared = await erase(
      `${TEAM} INSERT INTO shares VALUES (1, 'u3'), (2, 'u1');`,
      [{ ...files, when: 'shared', sharedIn: 'shares.user_id', else: 'delete' }, ...others],
      ['u1'],
    )
    expect(said(shared)).toEqual(['erased'])
    expect(await rows('files')).toEqual([
      [1, 1, 'u2', 'with a lead'],
      [4, 1, 'u3', 'of somebody else'],
    ])
    await database.close()
    const stuck = await erase(
      `${TEAM} INSERT INTO shares VALUES (2, 'u3');`,
      [{ ...files, when: 'shared', sharedIn: 'shares.user_id', else: 'delete' }, ...others],
      ['u3', 'u1'],
    )
    expect(said(stuck)).toEqual(['erased', 'nobody_takes_over'])
    expect((await rows('files')).map(([id]) => id)).toEqual([1, 2, 3])
  })

  test('without else: whoever has a thing nobody takes over fails alone', async () => {
    const outcomes = await erase(`${TEAM} DELETE FROM files WHERE id = 4;`, [files, ...others], ['u1', 'u3'])
    expect(said(outcomes)).toEqual(['nobody_takes_over', 'erased'])
    expect((await rows('files')).map(([id, , owner]) => [id, owner])).toEqual([
      [1, 'u1'],
      [2, 'u1'],
      [3, 'u1'],
    ])
  })

  test('stays inside the tenant', async () => {
    const outcomes = await erase(
      `CREATE TABLE files (tenant_id text, id int PRIMARY KEY, owner_id text, team_owner text);
       INSERT INTO files VALUES ('acme', 1, 'u1', 'u2'), ('other', 2, 'u1', 'u2'), ('acme', 3, 'u1', NULL), ('other', 4, 'u1', NULL);`,
      [{ table: 'files', by: 'owner_id', method: 'reassign', to: 'team_owner', else: 'delete' }],
      ['u1'],
      { tenant: { column: 'tenant_id' } },
    )
    expect(outcomes[0]?.counts.files).toMatchObject({ found: 2, erased: 1, redacted: 1 })
    expect(await rows('files')).toEqual([
      ['acme', 1, 'u2', 'u2'],
      ['other', 2, 'u1', 'u2'],
      ['other', 4, 'u1', null],
    ])
  })
})
