import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RestoreClient } from '@lethe/client'
import { installSchemathesis, openContext } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { credentialsWith } from './harness/credentials.js'
import { run } from './harness/run.js'
import { until } from './harness/wait.js'
import { faults, faultyService, forgetful, restoreFaults } from './openapi/faulty-service.js'
import { answersOfRestore } from './openapi/restore-answers.spec.js'
import { askEverything } from './openapi/schemathesis.js'

const seed = Number(process.env.LETHE_SEED ?? 20_260_101)
/** A new request, and what its answer links to. */
const linked = ['create', 'show', 'events', 'verificationOf', 'approve', 'refuse', 'hold', 'cancel', 'extend']
/** Milliseconds; a loaded machine may be slow to end what sixty seconds began. */
const outer = 600_000
const program = await installSchemathesis().catch((error: Error) => error)

if (program instanceof Error) it('Schemathesis can be had', (context) => context.skip(program.message))
else
  describe(`the OpenAPI document (LETHE_SEED=${seed})`, () => {
    let chain: Chain
    const folder = mkdtempSync(join(tmpdir(), 'lethe-openapi-'))
    const viewer = { id: 'spec-viewer', token: randomUUID(), roles: ['viewer'], tenants: ['*'] }
    const ask = (
      url: string,
      more: Partial<Parameters<typeof askEverything>[0]> = {},
    ): ReturnType<typeof askEverything> =>
      askEverything({
        ...{ program, url, seed, phases: 'examples,coverage,fuzzing', maxExamples: 3, seconds: 40 },
        token: chain.context.secrets.token('privacy-officer'),
        ...more,
      })

    beforeAll(async () => {
      const stack = await openContext()
      // Keys of its own: an administrator is asked to rotate and destroy them.
      const keys = join(folder, 'keys')
      const master = join(folder, 'master.key')
      const made = await run('services/request/dist/keys.js', [keys, '--master', master], {})
      expect(made).toMatchObject({ code: 0, err: '' })
      chain = await Chain.start({
        shop: { customers: 800 },
        restore: true,
        env: {
          LETHE_CREDENTIALS: credentialsWith(stack.secrets.credentialsFile, [viewer]),
          LETHE_VAULT_KEYS: keys,
          LETHE_VAULT_MASTER_FILE: master,
        },
      })
    })
    afterAll(async () => {
      await chain?.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    it(
      'says what the service does, whatever it is asked',
      async () => {
        const { code, output } = await ask(chain.context.at.requestUrl)
        expect(code, output.slice(-12_000)).toBe(0)
        expect(output).toMatch(/Selected: ([1-9][0-9]*)\/\1\n/)
        expect(output).toMatch(/[1-9][0-9]* generated, /)
      },
      outer,
    )

    it.each(['admin', 'operator', 'shop-backend', 'restore', 'eraser-cache', 'probe-cache', viewer.id])(
      'says what the service does when %s asks',
      async (credential) => {
        const token = credential === viewer.id ? viewer.token : chain.context.secrets.token(credential)
        const { code, output } = await ask(chain.context.at.requestUrl, {
          ...{ token, phases: 'examples,fuzzing', maxExamples: 1, seconds: 5 },
          reads: !['restore', 'eraser-cache', 'probe-cache'].includes(credential),
        })
        expect(code, output.slice(-12_000)).toBe(0)
        expect(output).toMatch(/Selected: ([1-9][0-9]*)\/\1\n/)
      },
      outer,
    )

    it(
      'holds along its links, from a new request to everything that is done with it',
      async () => {
        const { code, output } = await ask(chain.context.at.requestUrl, {
          ...{ operations: linked, phases: 'stateful', seconds: 40 },
        })
        expect(code, output.slice(-12_000)).toBe(0)
        expect(output).toMatch(/API Links: +[1-9][0-9]* covered/)
      },
      outer,
    )

    it(
      'would be found wrong: a request that is taken and then not there',
      async () => {
        const faulty = await faultyService(chain.context.at.requestUrl, forgetful)
        try {
          const { code, output } = await ask(faulty.url, {
            ...{ operations: ['create', 'show'], phases: 'stateful', seconds: 30 },
          })
          expect(code, output.slice(-4_000)).toBe(1)
          expect(output).toContain('Created resource not found')
        } finally {
          await faulty.close()
        }
      },
      outer,
    )

    it(
      'would be found wrong: a failure of the service, an answer of another form, an open door',
      async () => {
        const faulty = await faultyService(chain.context.at.requestUrl, faults)
        try {
          const { code, output } = await ask(faulty.url, {
            operations: ['verification', 'intakeKey', 'list', 'checkMap'],
            phases: 'coverage',
            maxExamples: 1,
          })
          expect(code).toBe(1)
          for (const found of [
            'Server error',
            'Undocumented Content-Type',
            'Undocumented status code',
            'Response violates schema',
            'API accepts requests without authentication',
            'Wrong response to undeclared method',
          ])
            expect(output).toContain(found)
        } finally {
          await faulty.close()
        }
      },
      outer,
    )

    it.each(['privacy-officer', 'operator', 'restore', 'shop-backend', viewer.id])(
      'of restore says what the service does when %s asks',
      async (credential) => {
        const token = credential === viewer.id ? viewer.token : chain.context.secrets.token(credential)
        const { code, output } = await ask(`http://127.0.0.1:${chain.context.at.ports.restore}`, {
          ...{ document: 'restore.openapi.json', token, maxExamples: 2, seconds: 8 },
        })
        expect(code, output.slice(-12_000)).toBe(0)
        expect(output).toMatch(/Selected: ([1-9][0-9]*)\/\1\n/)
      },
      outer,
    )

    it(
      'of restore would be found wrong: a failure of the service, an answer of another form, an open door',
      async () => {
        const faulty = await faultyService(
          `http://127.0.0.1:${chain.context.at.ports.restore}`,
          restoreFaults,
        )
        try {
          const { code, output } = await ask(faulty.url, {
            ...{ document: 'restore.openapi.json', operations: ['restores', 'sweeps', 'self'] },
            ...{ phases: 'coverage', maxExamples: 1 },
          })
          expect(code).toBe(1)
          for (const found of [
            'Server error',
            'Undocumented status code',
            'Response violates schema',
            'API accepts requests without authentication',
          ])
            expect(output).toContain(found)
        } finally {
          await faulty.close()
        }
      },
      outer,
    )
  })

/**
 * Not asked everything before. Schemathesis takes values out of answers: with the `shop-pg` of one it announces a restore,
 * now and then. Of this database the replay role can't take CONNECT from everybody, so the gate stays shut to erasures
 * until somebody gives it that right, and a drill of the cache waits for its person, who stands in `shop-pg` as well.
 */
describe('the restore service of a chain of its own', () => {
  let chain: Chain
  const folder = mkdtempSync(join(tmpdir(), 'lethe-answers-'))
  beforeAll(async () => {
    chain = await Chain.start({ shop: { customers: 800 }, restore: true })
  })
  afterAll(async () => {
    await chain?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('gives what it answers the form it has, and another form would be found', async () => {
    const formed = await answersOfRestore(chain, join(folder, 'shop.dump'))
    expect(formed.length).toBeGreaterThan(15)
    for (const { operation, shape, body } of formed) {
      expect(shape.safeParse(body).error?.issues ?? [], operation).toEqual([])
      for (const [field, inside] of Object.entries(shape.shape)) {
        const wrong = { ...body, [field]: Symbol('of another form') }
        expect(shape.safeParse(wrong).success, `${operation}.${field}`).toBe(false)
        const { [field]: _, ...without } = body
        if (!inside.safeParse(undefined).success)
          expect(shape.safeParse(without).success, `${operation}.${field}`).toBe(false)
      }
    }
  })

  it('says of a drill which gate it waits for, and it can be stopped', async () => {
    const restores = new RestoreClient({
      url: `http://127.0.0.1:${chain.context.at.ports.restore}`,
      token: chain.context.secrets.token('privacy-officer'),
    })
    const gate = () => restores.gate('shop-pg')
    if ((await gate()).state === 'open') await restores.announce({ systemId: 'shop-pg' })
    await until('a shut gate', gate, ({ state }) => state === 'shut')
    const drillId = randomUUID()
    await restores.startDrill('cache', drillId)
    const told = () => restores.drill(drillId)
    await until('the reason', told, ({ reasons }) => reasons.length > 0)
    expect(await told()).toMatchObject({
      phase: 'erasing',
      reasons: [{ code: 'gate_closed', detail: expect.stringContaining('from shop-pg too') }],
    })
    await restores.stopDrill(drillId)
    await until('its end', told, ({ verdict }) => verdict === 'stopped')
  })
})
