import { Writable } from 'node:stream'
import { createLogger, PausedError, RetryableError, TerminalError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { Connector, Finding, OpenContext } from './connector.js'
import { MapCheck } from './map-check.js'
import type { MapSection } from './request-client.js'
import { Systems } from './systems.js'

const section = (change: Partial<MapSection['system']> = {}): MapSection => ({
  version: 7,
  tenant: { none: true },
  canonical: 'user_id',
  system: { systemId: 'mine', kind: 'fake', connection: 'MINE', ceiling: null, body: {}, ...change },
})

const broken: Finding = {
  level: 'error',
  code: 'replacement_null',
  where: 'orders.user_id',
  message: 'It is NOT NULL.',
  path: ['elements', 3],
}
const hint: Finding = {
  level: 'warning',
  code: 'missing_index',
  where: 'orders.user_id',
  message: 'Create one.',
}

interface Store {
  findings: Finding[]
  opening?: Error
  describing?: Error
}

function checking(store: Store, all?: Finding[]) {
  const lines: Record<string, unknown>[] = []
  const opened: OpenContext<unknown, unknown>[] = []
  let open = 0
  const destination = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const connector = {
    kind: 'fake',
    version: '1',
    options: { safeParse: (data: unknown) => ({ success: true, data }) },
    system: { safeParse: (data: unknown) => ({ success: data !== null, data }) },
    open: async (context: OpenContext<unknown, unknown>) => {
      opened.push(context)
      if (store.opening) throw store.opening
      open += 1
      return {
        describe: async () => {
          if (store.describing) throw store.describing
          return {
            version: '15',
            collections: [],
            findings: store.findings,
            grants: { erase: ['A'], probe: ['B'] },
          }
        },
        close: async () => {
          open -= 1
        },
      }
    },
    ...(all ? { check: async () => ({ version: '15', collections: [], findings: all }) } : {}),
  } as unknown as Connector
  const request = { clear: async () => [], section: async () => section() }
  const secret = (name: string) => ({ MINE: 'fake://', LETHE_TOKEN: 'fake://secret' })[name]
  const systems = new Systems(connector, 'mine', request, secret, 'probe')
  const logger = createLogger('probe.mine', { level: 'info', destination })
  const maps = new MapCheck({ systemId: 'mine', role: 'probe', connector, systems, request, logger })
  return { maps, lines, opened, stillOpen: () => open }
}

describe('the map check of a deployment', () => {
  it('answers for the map in force, and closes what it opened', async () => {
    const { maps, stillOpen } = checking({ findings: [hint] })
    expect(await maps.check()).toEqual({
      version: '15',
      findings: [hint],
      grants: { erase: ['A'], probe: ['B'] },
    })
    expect(stillOpen()).toBe(0)
  })

  it("answers for a map that is not in force, with this deployment's own connection", async () => {
    const { maps, opened } = checking({ findings: [] })
    await maps.check(section({ ceiling: 3, body: { elements: [] } }))
    expect(opened).toEqual([
      expect.objectContaining({ ceiling: 3, system: { elements: [] }, options: { url: 'fake://' } }),
    ])
  })

  it.each([
    ['another system', section({ systemId: 'other' }), 'map_mismatch'],
    ['a grammar it does not know', section({ body: null }), 'map_mismatch'],
    ['a secret it does not have', section({ connection: 'OTHER' }), 'credentials_missing'],
    [
      'one of its own settings as the connection',
      section({ connection: 'LETHE_TOKEN' }),
      'credentials_missing',
    ],
  ])('finds fault with %s, without opening anything', async (_, asked, code) => {
    const { maps, opened } = checking({ findings: [] })
    const { version, findings } = await maps.check(asked)
    expect([version, findings.map((finding) => [finding.level, finding.code])]).toEqual([
      null,
      [['error', code]],
    ])
    expect(opened).toEqual([])
  })

  it('makes a finding of a map that does not fit, and no finding of a store that is away', async () => {
    const misfit = checking({
      findings: [],
      opening: new TerminalError('missing_table', 'Table gone does not exist.'),
    })
    expect((await misfit.maps.check()).findings).toEqual([
      { level: 'error', code: 'missing_table', where: 'mine', message: 'Table gone does not exist.' },
    ])
    for (const away of [
      new RetryableError('connection_lost', 'away'),
      new PausedError('read_only', 'standby'),
    ])
      await expect(checking({ findings: [], opening: away }).maps.check()).rejects.toBe(away)
  })

  it("is not ready with errors, by the first one's code, and says once what is wrong and where", async () => {
    const store: Store = { findings: [hint, broken] }
    const { maps, lines } = checking(store)
    await expect(maps.ready()).rejects.toMatchObject({ code: 'replacement_null' })
    await expect(maps.ready()).rejects.toMatchObject({ code: 'replacement_null' })
    expect(
      lines.map(({ finding, where, mapPath, advice, level }) => [level, finding, where, mapPath, advice]),
    ).toEqual([
      [40, 'missing_index', 'orders.user_id', undefined, 'Create one.'],
      [50, 'replacement_null', 'orders.user_id', 'elements.3', 'It is NOT NULL.'],
    ])
    store.findings = [hint]
    await maps.ready()
    store.findings = [hint, broken]
    await expect(maps.ready()).rejects.toMatchObject({ code: 'replacement_null' })
    expect(lines).toHaveLength(3)
  })

  it('names everything that does not fit when opening stopped at the first', async () => {
    const opening = new TerminalError('missing_table', 'Table gone does not exist.')
    const { maps, lines } = checking({ findings: [], opening }, [broken, { ...broken, where: 'users.id' }])
    await expect(maps.ready()).rejects.toMatchObject({ code: 'replacement_null' })
    expect(lines.map(({ where }) => where)).toEqual(['orders.user_id', 'users.id'])
    const unexplained = checking({ findings: [], opening }, [hint])
    await expect(unexplained.maps.ready()).rejects.toMatchObject({ code: 'missing_table' })
  })

  it('is ready with warnings only', async () => {
    await expect(checking({ findings: [hint] }).maps.ready()).resolves.toBeUndefined()
  })
})
