import { join } from 'node:path'
import { elasticsearch } from '@lethe/connectors/elasticsearch'
import type { Connector } from '@lethe/eraser-kit'
import { installSearchServer, type SearchServer, startSearchServer } from '@lethe/infra'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { drillConformance } from './testing/drill-conformance.js'
import { DrillStand } from './testing/drill-stand.js'
import { round } from './testing/process.js'
import { SEARCH_SECTION, SearchStand } from './testing/search-stand.js'
import { officer } from './testing/stand.js'

const installed = await installSearchServer('elasticsearch9').catch((error: Error) => error)
const addressOf = ({ port }: SearchServer) => `http://127.0.0.1:${port}`

describe('a drill of an Elasticsearch', () => {
  if (installed instanceof Error) {
    test('elasticsearch9 can be had', (context) => context.skip(installed.message))
    return
  }
  let server: SearchServer
  let scratch: SearchServer
  let search: SearchStand
  let drills: DrillStand

  beforeAll(async () => {
    server = await startSearchServer(installed)
    scratch = await startSearchServer(installed, undefined, server)
    await atScratch('PUT', '/_snapshot/backups', repository({ readonly: true }))
  }, 480_000)
  afterAll(async () => {
    await scratch?.stop()
    await server?.stop()
  }, 60_000)

  beforeEach(async () => {
    search = await SearchStand.open(server)
    await search.seed(50)
    await round(search.process())
    drills = new DrillStand(search, {
      systemId: 'search',
      connector: elasticsearch as unknown as Connector,
      section: SEARCH_SECTION,
      secrets: { SEARCH: addressOf(server), SHOP: addressOf(server), SEARCH_SCRATCH: scratchAddress() },
    })
  })
  afterEach(async () => {
    await search.lose()
    await drills.close()
  })

  const scratchAddress = (name = 'backups') => `${addressOf(scratch)}?repository=${name}`
  const repository = (settings: object) => ({
    type: 'fs',
    settings: { location: join(server.snapshots, 'backups'), ...settings },
  })

  async function atScratch(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${addressOf(scratch)}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    return (await response.json()) as Record<string, unknown>
  }

  const nothingLeft = async () => {
    expect(drills.files()).toEqual([])
    const indices = Object.keys(await atScratch('GET', '/_all?expand_wildcards=all'))
    expect(indices.filter((name) => !name.startsWith('.'))).toEqual([])
    expect(await search.call('GET', '/_snapshot/backups/_all')).toMatchObject({ snapshots: [] })
    await search.call('POST', '/users/_refresh')
    const made = { query: { prefix: { user_id: 'lethedrill' } } }
    expect(await search.call('POST', '/users/_count', made)).toMatchObject({ count: 0 })
  }

  it('shows that who was erased came back with the snapshot and is gone after the replay, and leaves nothing but evidence', async () => {
    await search.erase(['u1', 'u2'])
    // Here again, in the store in use as well.
    await search.call('PUT', '/users/_doc/again?refresh=true', { user_id: 'u2', name: 'Customer', visits: 1 })
    const before = await search.digest(new Set())
    const drill = await drills.run()
    expect(drill.reasons).toEqual([])
    expect(drill).toMatchObject({
      verdict: 'passed',
      intact: true,
      evidence: {
        kind: 'elasticsearch',
        backup: { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        canary: { cameBack: 1, left: 0 },
        // u2 and the made-up person.
        cameBack: { users: 2 },
        replay: { tombstones: 3, replayed: 2, alreadyAbsent: 1 },
        probe: { residual: {} },
        versions: { store: expect.any(String), scratch: expect.any(String) },
      },
    })
    expect(JSON.stringify(drill)).not.toMatch(/lethedrill|u2"/)
    expect(await search.digest(new Set())).toEqual(before)
    // Nobody drills the store in use: its gate is as it was.
    expect(await search.store.gates()).toEqual([])
    await nothingLeft()
  })

  drillConformance({ systemId: 'search', drills: () => drills, nothingLeft })

  it('that could not be done says what to configure, and takes nothing away that is not a drill’s', async () => {
    const wrong = async (address: string | undefined) => {
      const service = await drills.drills({ secrets: { SEARCH_SCRATCH: address } })
      return service.check(officer, 'search').then(
        () => 'fine',
        (error: Error) => error.message,
      )
    }
    expect(await wrong(scratchAddress())).toBe('fine')
    expect(await wrong(undefined)).toMatch(/_SCRATCH/)
    expect(await wrong(addressOf(scratch))).toMatch(/repository=/)
    expect(await wrong(scratchAddress('elsewhere'))).toMatch(/cluster in use knows no .* elsewhere/)
    // A copy beside the store in use would be found by its probes.
    expect(await wrong(`${addressOf(server)}?repository=backups`)).toMatch(/is the cluster in use/)
    await search.call('PUT', '/_snapshot/elsewhere', repository({}))
    expect(await wrong(scratchAddress('elsewhere'))).toMatch(/scratch cluster knows no .* elsewhere/)
    await atScratch('PUT', '/_snapshot/elsewhere', repository({}))
    expect(await wrong(scratchAddress('elsewhere'))).toMatch(/"readonly": true/)
    await search.call('DELETE', '/_snapshot/elsewhere')
    await atScratch('DELETE', '/_snapshot/elsewhere')

    await atScratch('PUT', '/users', {})
    expect(await wrong(scratchAddress())).toMatch(/already has users/)
    // Somebody's index of that name is neither restored over nor cleared away.
    expect(await drills.run()).toMatchObject({ verdict: 'failed', reasons: [{ code: 'scratch_not_empty' }] })
    expect(Object.keys(await atScratch('GET', '/users'))).toEqual(['users'])
    await atScratch('DELETE', '/users')
    await nothingLeft()
  })
})
