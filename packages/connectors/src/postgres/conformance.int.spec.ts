import { createHash } from 'node:crypto'
import { type Backdoor, conformance, type Person, type Snapshot } from '@lethe/eraser-kit/conformance'
import { postgres } from './connector.js'
import type { PostgresOptions } from './database.js'
import { freshDatabase } from './fresh-database.spec.js'
import { type PostgresSystem, postgresSystem } from './grammar.js'

const SCHEMA = `
  CREATE TABLE users (tenant_id text NOT NULL, id text NOT NULL, email varchar(200), name text, created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id));
  CREATE TABLE sessions (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL, device text,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id));
  CREATE TABLE session_pages (id bigserial PRIMARY KEY, session_id bigint NOT NULL REFERENCES sessions ON DELETE CASCADE, page text,
    tenant_id text NOT NULL);
  CREATE TABLE orders (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text, customer_email text UNIQUE, address text NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id));
  CREATE TABLE invoices (id bigserial PRIMARY KEY, tenant_id text NOT NULL, customer_id text NOT NULL, total int,
    FOREIGN KEY (tenant_id, customer_id) REFERENCES users (tenant_id, id));
  CREATE TABLE comments (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text, parent_id bigint REFERENCES comments, body text);
  CREATE TABLE activity (id bigserial, tenant_id text NOT NULL, user_id text NOT NULL, at date NOT NULL, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
  CREATE TABLE activity_old PARTITION OF activity FOR VALUES FROM ('2000-01-01') TO ('2026-01-01');
  CREATE TABLE activity_new PARTITION OF activity DEFAULT;
  CREATE TABLE events (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL, properties jsonb NOT NULL);
  CREATE TABLE newsletter (id bigserial PRIMARY KEY, tenant_id text NOT NULL, email text NOT NULL, created_at timestamptz NOT NULL);
  CREATE TABLE consents (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL, given_at timestamptz NOT NULL);`

const TABLES = [
  'users',
  'sessions',
  'session_pages',
  'orders',
  'invoices',
  'comments',
  'activity',
  'events',
  'newsletter',
  'consents',
]

const SYSTEM = {
  resolves: { user_id: 'users.id', email: 'users.email' },
  elements: [
    { table: 'users', by: 'id', method: 'delete', createdAt: 'created_at' },
    { table: 'sessions', by: 'user_id', method: 'delete' },
    { table: 'session_pages', by: 'user_id', via: 'sessions', method: 'delete' },
    {
      table: 'orders',
      by: 'user_id',
      method: 'redact',
      set: { user_id: null, customer_email: { random: 'email' }, address: '[erased]' },
    },
    { table: 'invoices', by: 'customer_id', method: 'detach', to: 'deleted-row' },
    { table: 'comments', by: 'user_id', method: 'delete' },
    { table: 'activity', by: 'user_id', method: 'delete' },
    { table: 'events', by: 'user_id', method: 'redact', json: { properties: ['email', 'device.ip'] } },
    { table: 'newsletter', by: 'email', identifier: 'email', method: 'delete', createdAt: 'created_at' },
    {
      table: 'consents',
      by: 'user_id',
      method: 'retain',
      retain: { ground: '17(3)(b)', citation: 'proof of consent', until: 'P7Y from given_at' },
    },
  ],
}

async function openBackdoor(): Promise<Backdoor<PostgresOptions, PostgresSystem>> {
  const database = await freshDatabase(SCHEMA)
  const { owner } = database
  await owner.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${database.eraser}`)
  const system = postgresSystem.parse(SYSTEM)
  const own = (person: Person) => [person.tenantId, person.identifiers.user_id, person.identifiers.email]
  const server = new URL(database.url('owner'))
  return {
    endpoint: { host: server.hostname, port: Number(server.port) },
    system,
    tenant: { column: 'tenant_id' },
    canonical: 'user_id',
    tenantsShareIds: true,
    options: (at, credentials) => ({
      url: database.url(credentials, at),
      connections: 4,
      lockTimeoutMs: 500,
    }),
    reset: async () => {
      await owner.query(`TRUNCATE ${TABLES.join(', ')} RESTART IDENTITY CASCADE`)
      await owner.query('TRUNCATE lethe.receipts, lethe.marker, lethe.shared_rows')
    },
    seed: async (person, size) => {
      const [tenant, id, email] = own(person)
      const created = new Date(person.createdAt)
      const insert = (text: string, values: unknown[]) => owner.query(text, values)
      await insert(
        `INSERT INTO users VALUES ($1, $2, $3, 'Ada', $4) ON CONFLICT (tenant_id, id) DO NOTHING`,
        [tenant, id, email, created],
      )
      for (let at = 0; at < size; at++) {
        const { rows } = await insert(
          `INSERT INTO sessions (tenant_id, user_id, device) VALUES ($1, $2, 'phone') RETURNING id`,
          [tenant, id],
        )
        await insert(`INSERT INTO session_pages (session_id, page, tenant_id) VALUES ($1, '/', $2)`, [
          rows[0].id,
          tenant,
        ])
        await insert(
          `INSERT INTO orders (tenant_id, user_id, customer_email, address) VALUES ($1, $2, $3, 'Street 1')`,
          [tenant, id, at === 0 ? email && `${tenant}+${email}` : null],
        )
        await insert('INSERT INTO invoices (tenant_id, customer_id, total) VALUES ($1, $2, 1)', [tenant, id])
        await insert(
          `WITH first AS (INSERT INTO comments (tenant_id, user_id, body) VALUES ($1, $2, 'hello') RETURNING id)
           INSERT INTO comments (tenant_id, user_id, parent_id, body) SELECT $1, $2, id, 'reply' FROM first`,
          [tenant, id],
        )
        await insert(
          `INSERT INTO activity (tenant_id, user_id, at) VALUES ($1, $2, '2020-01-01'), ($1, $2, '2026-06-01')`,
          [tenant, id],
        )
        await insert('INSERT INTO events (tenant_id, user_id, properties) VALUES ($1, $2, $3)', [
          tenant,
          id,
          { email, device: { ip: '192.0.2.1', os: 'x' }, kept: 1 },
        ])
        await insert('INSERT INTO newsletter (tenant_id, email, created_at) VALUES ($1, $2, $3)', [
          tenant,
          email?.toUpperCase(),
          created,
        ])
        await insert('INSERT INTO consents (tenant_id, user_id, given_at) VALUES ($1, $2, $3)', [
          tenant,
          id,
          created,
        ])
      }
      const consents = await owner.query('SELECT 1 FROM consents WHERE tenant_id = $1 AND user_id = $2', [
        tenant,
        id,
      ])
      return {
        users: 1,
        sessions: size,
        session_pages: size,
        orders: size,
        invoices: size,
        comments: 2 * size,
        activity: 2 * size,
        events: size,
        newsletter: size,
        consents: consents.rows.length,
      }
    },
    count: async (person) => {
      const { rows } = await owner.query(
        `SELECT
          (SELECT count(*) FROM users WHERE tenant_id = $1 AND id = $2)::int AS users,
          (SELECT count(*) FROM sessions WHERE tenant_id = $1 AND user_id = $2)::int AS sessions,
          (SELECT count(*) FROM session_pages p JOIN sessions s ON s.id = p.session_id WHERE s.tenant_id = $1 AND s.user_id = $2)::int AS session_pages,
          (SELECT count(*) FROM orders WHERE tenant_id = $1 AND (user_id = $2 OR customer_email = $1 || '+' || $3))::int AS orders,
          (SELECT count(*) FROM invoices WHERE tenant_id = $1 AND customer_id = $2)::int AS invoices,
          (SELECT count(*) FROM comments WHERE tenant_id = $1 AND user_id = $2)::int AS comments,
          (SELECT count(*) FROM activity WHERE tenant_id = $1 AND user_id = $2)::int AS activity,
          (SELECT count(*) FROM events WHERE tenant_id = $1 AND user_id = $2 AND (properties ? 'email' OR properties #> '{device,ip}' IS NOT NULL))::int AS events,
          (SELECT count(*) FROM newsletter WHERE tenant_id = $1 AND lower(email) = $3)::int AS newsletter`,
        own(person),
      )
      return rows[0]
    },
    snapshot: async () => {
      const records = new Map<string, string>()
      for (const table of TABLES) {
        const { rows } = await owner.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t`)
        for (const { row } of rows) {
          const { id, tenant_id: tenant } = JSON.parse(row)
          records.set(`${table}/${tenant}/${id}`, createHash('sha256').update(row).digest('hex'))
        }
      }
      return records as Snapshot
    },
    refuse: async (person) => {
      const [tenant, id] = own(person)
      await owner.query(`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $f$
        BEGIN
          IF OLD.tenant_id = '${tenant}' AND OLD.user_id = '${id}' THEN RAISE EXCEPTION 'rows of ${id} stay' USING DETAIL = '${id}'; END IF;
          RETURN OLD;
        END $f$;
        CREATE TRIGGER refuse BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse();`)
      return {
        scope: 'person',
        undo: async () => {
          await owner.query('DROP TRIGGER refuse ON sessions; DROP FUNCTION refuse();')
        },
      }
    },
    letheText: async () => {
      const { rows } = await owner.query(`SELECT to_jsonb(r)::text AS text FROM lethe.receipts r
        UNION ALL SELECT to_jsonb(m)::text FROM lethe.marker m UNION ALL SELECT to_jsonb(s)::text FROM lethe.shared_rows s`)
      return rows.map(({ text }) => text).join('\n')
    },
    mayCreate: (record) => /^users\/.*\/deleted-/.test(record),
    close: () => database.close(),
  }
}

conformance(postgres, openBackdoor)
