import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { LetheClient } from './http-client.js'

it('waits for a service that is away, says so once per outage, and goes on when it is back', async () => {
  let asked = 0
  const server = createServer((_incoming, outgoing) => {
    // Two outages of two questions each, with one answer between them.
    if ([1, 2, 4, 5].includes(++asked)) {
      outgoing.destroy()
      return
    }
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify({ version: asked, status: asked > 5 ? 'COMPLETED' : 'IN_PROGRESS' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new LetheClient({ url, token: 'token' })
  let outages = 0
  const seen: string[] = []
  const watching = client.watch('r', 1, undefined, () => {
    outages++
  })
  for await (const { status } of watching) seen.push(status)
  server.close()
  expect(seen).toEqual(['IN_PROGRESS', 'COMPLETED'])
  expect(outages).toBe(2)
})

it('ends when nothing is left but a task for a person, and not before the others are verified', async () => {
  let asked = 0
  const server = createServer((_incoming, outgoing) => {
    const systems = [
      { systemId: 'archive', status: 'IN_PROGRESS', verified: false, attested: false },
      { systemId: 'shop-pg', status: 'COMPLETED', verified: ++asked > 2 },
      { systemId: 'crm', status: 'NOT_APPLICABLE', verified: false },
    ]
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    const attention = { code: 'task_open' }
    outgoing.end(JSON.stringify({ version: asked, status: 'IN_PROGRESS', attention, systems }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const seen: number[] = []
  for await (const { version } of new LetheClient({ url, token: 'token' }).watch('r', 1)) seen.push(version)
  server.close()
  expect(seen).toEqual([1, 2, 3])
})
