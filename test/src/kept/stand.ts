import { withClient } from '@lethe/infra'
import { Chain } from '../harness/chain.js'

/** Beside the shop's own tables: what a law keeps, what is shared, and what joins two people. */
const tables = `
  CREATE TABLE ledger (id text PRIMARY KEY, tenant_id text NOT NULL, user_id text REFERENCES users (id), payer text NOT NULL, created_at timestamptz NOT NULL);
  CREATE TABLE consents (id text PRIMARY KEY, tenant_id text NOT NULL, user_id text, wording text NOT NULL, given_at timestamptz NOT NULL);
  CREATE TABLE invoices (id text PRIMARY KEY, tenant_id text NOT NULL, customer_id text NOT NULL REFERENCES users (id));
  CREATE TABLE teams (id text PRIMARY KEY, tenant_id text NOT NULL, lead text REFERENCES users (id));
  CREATE TABLE files (id text PRIMARY KEY, tenant_id text NOT NULL, team text NOT NULL REFERENCES teams (id), owner_id text NOT NULL REFERENCES users (id));
  CREATE TABLE follows (tenant_id text NOT NULL, follower text NOT NULL REFERENCES users (id), followed text NOT NULL REFERENCES users (id), PRIMARY KEY (follower, followed));`

const law = `retain: { ground: '17(3)(b)', citation: 'tax law, 7 years', until: P7Y from`
const elements = [
  `{ table: ledger, by: user_id, method: redact, set: { user_id: null, payer: '[erased]' }, category: bookkeeping, ${law} created_at } }`,
  `{ table: consents, by: user_id, method: retain, category: proof, ${law} given_at } }`,
  '{ table: invoices, by: customer_id, method: detach, to: deleted-row }',
  '{ table: teams, by: lead, method: redact, set: { lead: null } }',
  '{ table: files, by: owner_id, method: reassign, to: teams.lead, when: shared, else: delete }',
  '{ table: follows, by: follower, method: delete }',
  '{ table: follows, by: followed, method: delete }',
]

const withRules = (yaml: string): string =>
  yaml
    .replace(
      'author_name: Deleted User }',
      `author_name: Deleted User }, mentions: { column: body, as: '@deleted' }`,
    )
    .replace(
      '      - { table: users,',
      `${elements.map((one) => `      - ${one}\n`).join('')}      - { table: users,`,
    )

export const openKeptChain = (): Promise<Chain> =>
  Chain.start({ shop: { customers: 800 }, shopSql: tables, dataMap: withRules })

/** Somebody whose things have the second person as their other side. */
export interface Pair {
  readonly id: string
  readonly other: string
}

/**
 * Rows under every rule. What a law keeps is as old as its period, less the seconds given, by the clock of
 * the server: the period ends then. `years` more are added to a second bookkeeping row, null leaves it out.
 */
export async function give(
  chain: Chain,
  { id, other }: Pair,
  seconds: number,
  years: number | null,
): Promise<void> {
  await withClient(chain.pgUrl, (client) =>
    client.query({
      text: `WITH given (id, other, soon, later) AS (
          SELECT $1::text, $2::text, now() - interval '7 years' + make_interval(secs => $3), now() - interval '7 years' + make_interval(years => $4::int)),
        a AS (INSERT INTO ledger SELECT 'soon-' || id, 'acme', id, 'Payer ' || id, soon FROM given),
        b AS (INSERT INTO ledger SELECT 'later-' || id, 'acme', id, 'Payer ' || id, later FROM given WHERE later IS NOT NULL),
        c AS (INSERT INTO consents SELECT 'proof-' || id, 'acme', id, id || ' agreed', soon FROM given),
        d AS (INSERT INTO invoices SELECT 'invoice-' || id, 'acme', id FROM given),
        e AS (INSERT INTO teams SELECT 'others-' || id, 'acme', other FROM given UNION ALL SELECT 'own-' || id, 'acme', id FROM given),
        f AS (INSERT INTO files SELECT 'shared-' || id, 'acme', 'others-' || id, id FROM given UNION ALL SELECT 'alone-' || id, 'acme', 'own-' || id, id FROM given),
        g AS (INSERT INTO follows SELECT 'acme', id, other FROM given UNION ALL SELECT 'acme', other, id FROM given)
        INSERT INTO comments (user_id, tenant_id, author_name, body) SELECT other, 'acme', 'Other', 'Thanks @' || id || '!' FROM given`,
      values: [id, other, seconds, years],
    }),
  )
}

/** The rows `give` made, as they are now, by plain SQL and by their own keys. */
export async function given(chain: Chain, { id, other }: Pair): Promise<Record<string, string>> {
  const text = `
    SELECT l.id AS place, coalesce(user_id, 'nobody') || ' ' || payer AS is FROM ledger l WHERE l.id IN ('soon-' || $1, 'later-' || $1)
    UNION ALL SELECT c.id, coalesce(user_id, 'nobody') || ' ' || wording FROM consents c WHERE c.id = 'proof-' || $1
    UNION ALL SELECT i.id, CASE WHEN customer_id = $1 THEN 'theirs' WHEN u.name LIKE 'Customer%' THEN 'of somebody' ELSE 'of the shared row' END
      FROM invoices i JOIN users u ON u.id = customer_id WHERE i.id = 'invoice-' || $1
    UNION ALL SELECT t.id, coalesce(lead, 'nobody') FROM teams t WHERE t.id IN ('own-' || $1, 'others-' || $1)
    UNION ALL SELECT f.id, owner_id FROM files f WHERE f.id IN ('shared-' || $1, 'alone-' || $1)
    UNION ALL SELECT 'follows-' || follower || '-' || followed, 'yes' FROM follows WHERE $1 IN (follower, followed)
    UNION ALL SELECT 'said by ' || user_id, body FROM comments WHERE user_id = $2 AND body LIKE 'Thanks %'
    ORDER BY 1`
  return withClient(chain.pgUrl, async (client) => {
    const { rows } = await client.query<{ place: string; is: string }>(text, [id, other])
    return Object.fromEntries(rows.map(({ place, is }) => [place, is]))
  })
}
