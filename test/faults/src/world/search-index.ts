const fields = {
  acme_users: {
    user_id: { type: 'keyword' },
    email: { type: 'keyword' },
    name: { type: 'text' },
  },
  acme_orders: {
    user_id: { type: 'keyword' },
    address: { type: 'text' },
    total_cents: { type: 'integer' },
  },
} as const

/** One document per customer and two orders each, for both tenants. Not idempotent. */
export async function seedSearch(url: string, customers: number): Promise<void> {
  for (const [name, properties] of Object.entries(fields))
    for (const index of [name, name.replace('acme', 'globex')])
      await call(url, 'PUT', `/${index}`, {
        settings: { number_of_shards: 1, number_of_replicas: 0 },
        mappings: { dynamic: 'strict', properties },
      })
  for (let from = 1; from <= customers; from += 2_000) {
    const lines: object[] = []
    for (let n = from; n < Math.min(from + 2_000, customers + 1); n++)
      lines.push(...documentsOf('acme', `u${n}`, n))
    await bulk(url, lines)
  }
  await bulk(url, documentsOf('globex', 'g77', 77))
  await call(url, 'POST', '/_all/_refresh')
}

function documentsOf(tenant: string, id: string, n: number): object[] {
  const order = (k: number) => [
    { index: { _index: `${tenant}_orders`, _id: `${n}-${k}` } },
    { user_id: id, address: `${n} High Street`, total_cents: 100 * k },
  ]
  return [
    { index: { _index: `${tenant}_users`, _id: String(n), routing: id } },
    { user_id: id, email: `customer${n}@example.com`, name: `Customer ${n}` },
    ...order(1),
    ...order(2),
  ]
}

async function bulk(url: string, lines: readonly object[]): Promise<void> {
  const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
  const response = await fetch(`${url}/_bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  })
  const answer = (await response.json()) as { errors: boolean }
  if (!response.ok || answer.errors) throw new Error('the search index could not be filled')
}

async function call(url: string, method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  if (!response.ok) throw new Error(`search: ${method} ${path} answered HTTP ${response.status}`)
  await response.arrayBuffer()
}
