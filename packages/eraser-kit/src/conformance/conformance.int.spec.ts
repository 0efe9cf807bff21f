import { AssertionError } from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Connector } from '../connector.js'
import type { Backdoor } from './backdoor.js'
import { checks, conformance, openBench } from './index.js'
import { brokenConnectors } from './specimen/broken.js'
import { openShelfBackdoor } from './specimen/shelf-backdoor.js'
import { shelfConnector } from './specimen/shelf-connector.js'

conformance(shelfConnector() as unknown as Connector, openShelfBackdoor)

describe('each check of the suite fails on a connector that is broken on purpose', () => {
  let backdoor: Backdoor
  beforeAll(async () => {
    backdoor = await openShelfBackdoor()
  })
  afterAll(() => backdoor.close())

  it('has a broken connector for every check', () => {
    expect(
      checks.map(({ name }) => name).filter((name) => !brokenConnectors.some((b) => b.check === name)),
    ).toEqual([])
  })

  it.each(brokenConnectors)('$check notices a connector that $flaw', async ({ check: name, connector }) => {
    const check = checks.find((candidate) => candidate.name === name)
    if (!check) throw new Error(`there is no check called ${name}`)
    const bench = await openBench(connector, backdoor)
    try {
      await expect(check.run(bench)).rejects.toThrow(AssertionError)
    } finally {
      await bench.close()
    }
  })
})
