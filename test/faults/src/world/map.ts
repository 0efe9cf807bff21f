/** What the world's shop holds about a person: the demo's two stores and a search index derived from them. */
export const dataMap = `# Written for the fault runner; the demo shop's map with a search system.
version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email, 'vendor:stripe'] }
systems:
  shop-pg:
    kind: postgres
    connection: SHOP_PG
    resolves: { user_id: users.id, email: users.email, 'vendor:stripe': users.stripe_customer_id }
    ceiling: 5000
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: preferences, by: user_id, method: delete, category: indirect, basis: contract }
      - { table: sessions, by: user_id, method: delete, category: indirect, basis: contract }
      - { table: notifications, by: user_id, method: delete, category: indirect, basis: contract }
      - { table: activity_logs, by: user_id, method: redact, set: { user_id: null }, json: { properties: [email, ip_address] }, category: indirect, basis: legitimate interest }
      - { table: orders, by: user_id, method: redact, set: { user_id: null, shipping_address: '[erased]', customer_email: { random: email } }, category: direct, basis: contract }
      - { table: comments, by: user_id, method: redact, set: { user_id: null, author_name: Deleted User }, category: direct, basis: consent }
      - { table: newsletter, by: email, identifier: email, method: delete, category: direct, basis: consent, createdAt: subscribed_at }
      - { table: users, by: id, method: delete, category: direct, basis: contract, createdAt: created_at }
  cache:
    kind: redis
    connection: SHOP_REDIS
    keys:
      - 'tenant:{tenant}:user:{user_id}:*'
      - 'tenant:{tenant}:session:{user_id}:*'
      - 'tenant:{tenant}:cache:user:{user_id}'
    idsHoldDelimiters: false
    derivedFrom: [shop-pg]
    settle: PT1S
    ceiling: 1000
    backups: [{ name: rdb, keep: P7D }]
  search:
    kind: elasticsearch
    connection: SHOP_SEARCH
    indices:
      - { name: '{tenant}_users', by: user_id, routing: user_id, method: delete }
      - { name: '{tenant}_orders', by: user_id, method: redact, set: { user_id: null, address: '[erased]' } }
    derivedFrom: [shop-pg]
    settle: PT1S
    ceiling: 1000
    backups: [{ name: snapshots, keep: P7D }]
`

/** What a complete erasure of any customer counts, over all passes of a system. */
export const trueCounts: Readonly<Record<string, { erased: number; redacted: number }>> = {
  'shop-pg': { erased: 6, redacted: 5 },
  cache: { erased: 5, redacted: 0 },
  search: { erased: 1, redacted: 2 },
}

const days = (count: number): number => count * 86_400_000

/** How long the longest backup of each system is kept, as the map says. */
export const keptMs: Readonly<Record<string, number>> = {
  'shop-pg': days(30),
  cache: days(7),
  search: days(7),
}
