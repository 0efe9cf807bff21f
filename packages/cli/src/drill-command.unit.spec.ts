import { type DrillView, type RestoreClient, UnreachableError } from '@lethe/client'
import { describe, expect, it } from 'vitest'
import { drill } from './drill-command.js'

const view: DrillView = {
  drillId: 'd1',
  systemId: 'shop-pg',
  askedBy: 'olga',
  trigger: 'person',
  startedAt: 1,
  finishedAt: null,
  phase: 'backing_up',
  verdict: null,
  reasons: [],
  evidence: null,
  hash: null,
  intact: null,
}
const ended = (verdict: DrillView['verdict'], more: Partial<DrillView> = {}): DrillView => ({
  ...view,
  finishedAt: 2,
  phase: 'ended',
  verdict,
  ...more,
})

async function run(answers: (DrillView | Error)[], given: Parameters<typeof drill>[0] = {}) {
  const sent: string[] = []
  const interrupted = new AbortController()
  let printed = ''
  let exit = 0
  const client = {
    startDrill: async (system: string) => void sent.push(`start ${system}`),
    stopDrill: async () => void sent.push('stop'),
    checkDrill: async () => ({ versions: { store: '15.4', pg_dump: '15.4' } }),
    drill: async () => {
      const next = (answers.length > 1 ? answers.shift() : answers[0]) as DrillView | Error
      if (next instanceof Error) throw next
      if (next.phase === 'restoring') interrupted.abort()
      return next
    },
  } as unknown as RestoreClient
  await drill(
    { system: 'shop-pg', ...given },
    {
      restores: () => client,
      print: (text) => {
        printed += `${text}\n`
      },
      setExit: (code) => {
        exit = code
      },
      signal: interrupted.signal,
    },
  )
  return { sent, printed, exit }
}

describe('lethe restore drill', () => {
  it('says each step, waits for a service that is away, and ends with 0 only when it was passed', async () => {
    const passed = await run([view, new UnreachableError('away'), ended('passed')])
    expect(passed).toMatchObject({ exit: 0, sent: ['start shop-pg'] })
    expect(passed.printed).toMatch(/taking a backup[\s\S]*PASSED/)
    const failed = ended('failed', { reasons: [{ code: 'canary_left', detail: 'One was left out.' }] })
    expect(await run([failed])).toMatchObject({
      exit: 1,
      printed: expect.stringMatching(/canary_left: One was left out[\s\S]*FAILED/),
    })
    expect(await run([ended('proves_nothing')])).toMatchObject({
      exit: 5,
      printed: expect.stringContaining('PROVES NOTHING'),
    })
  })

  it('says once what it waits for, and that it goes on', async () => {
    const waiting = (detail: string): DrillView => ({
      ...view,
      phase: 'erasing',
      reasons: [{ code: 'gate_closed', detail }],
    })
    const held = waiting('The gate of shop-pg is shut.')
    const { printed } = await run([
      ...[waiting('The gate of cache is shut.'), held, held],
      ...[{ ...view, phase: 'restoring' as const }, ended('passed')],
    ])
    expect(printed.match(/gate of shop-pg/g)).toHaveLength(1)
    expect(printed).toMatch(/erased[\s\S]*gate of cache[\s\S]*gate of shop-pg[\s\S]*restoring[\s\S]*PASSED/)
  })

  it('has it stopped when somebody interrupts, and waits until nothing is left', async () => {
    const { sent, printed, exit } = await run([
      { ...view, phase: 'restoring' },
      { ...view, phase: 'clearing' },
      ended('stopped'),
    ])
    expect(sent).toEqual(['start shop-pg', 'stop'])
    expect(printed).toMatch(/cleared away first[\s\S]*STOPPED/)
    expect(exit).toBe(5)
  })

  it('prints one JSON value, and begins nothing when it runs dry', async () => {
    const { printed } = await run([view, ended('passed')], { json: true })
    expect(JSON.parse(printed)).toMatchObject({ verdict: 'passed' })
    const dry = await run([view], { dryRun: true })
    expect(dry).toMatchObject({
      sent: [],
      printed: expect.stringMatching(/pg_dump +15\.4[\s\S]*nothing was changed/),
    })
    await expect(run([view], { system: undefined as unknown as string })).rejects.toThrow(/--system/)
  })
})
