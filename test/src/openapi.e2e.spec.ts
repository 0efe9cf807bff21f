import { installSchemathesis } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { faults, faultyService } from './openapi/faulty-service.js'
import { askEverything } from './openapi/schemathesis.js'

const seed = Number(process.env.LETHE_SEED ?? 20_260_101)
/** Milliseconds; a loaded machine may be slow to end what sixty seconds began. */
const outer = 600_000
const program = await installSchemathesis().catch((error: Error) => error)

if (program instanceof Error) it('Schemathesis can be had', (context) => context.skip(program.message))
else
  describe(`the OpenAPI document (LETHE_SEED=${seed})`, () => {
    let chain: Chain
    const ask = (
      url: string,
      more: Partial<Parameters<typeof askEverything>[0]> = {},
    ): ReturnType<typeof askEverything> =>
      askEverything({
        ...{ program, url, seed, phases: 'examples,coverage,fuzzing', maxExamples: 3, seconds: 60 },
        token: chain.context.secrets.token('privacy-officer'),
        ...more,
      })

    beforeAll(async () => {
      chain = await Chain.start({ shop: { customers: 800 } })
    })
    afterAll(async () => {
      await chain?.stop()
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
  })
