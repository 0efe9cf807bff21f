import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CopyPageView, type RestoreClient, UnreachableError } from '@lethe/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apply, isClean } from './apply-command.js'
import { noTally, ProgressFiles } from './apply-progress.js'

const URL = 'postgres://replay:hunter2@db/shop'
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-apply-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

type Page = (phase: string, after: string) => CopyPageView | Error

async function run(
  page: Page,
  given: Parameters<typeof apply>[0],
  reasons: { code: string; detail: string }[] = [],
) {
  const asked: string[] = []
  let printed = ''
  let exit = 0
  const client = {
    checkCopy: async () => ({ tombstones: 4, markerAt: null, reasons }),
    copyPage: async (phase: string, _copy: object, after: string) => {
      asked.push(`${phase} ${after}`)
      const answer = page(phase, after)
      if (answer instanceof Error) throw answer
      return answer
    },
  } as unknown as RestoreClient
  const ports = {
    restores: () => client,
    print: (text: string) => {
      printed += `${text}\n`
    },
    setExit: (code: number) => {
      exit = code
    },
    signal: new AbortController().signal,
  }
  const ended = await apply(given, ports, new ProgressFiles(folder)).catch((error: Error) => error)
  return { asked, printed, exit, ended }
}

const two = { ...noTally, tombstones: 2, replayed: 2 }
const fine: Page = (_phase, after) => ({ cursor: after === '' ? 't2' : 't4', done: after !== '', tally: two })

describe('lethe restore apply', () => {
  it('goes through all pages of both phases, says how far it is, and ends with 0 only for a clean copy', async () => {
    const { asked, printed, exit } = await run(fine, { system: 'shop-pg', url: URL })
    expect(asked).toEqual(['replay ', 'replay t2', 'probe ', 'probe t2'])
    expect(printed).toMatch(/replay {2}2 of 4 · about \d+ s left/)
    expect(printed).toMatch(/erased +4/)
    expect(printed).toContain('clean: nobody')
    expect(printed).not.toContain('hunter2')
    expect(exit).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  })

  it('ends with another code for residue, holds, and a copy of unknown age', async () => {
    const left: Page = (phase, after) => ({
      ...(fine(phase, after) as CopyPageView),
      tally: phase === 'probe' ? { ...two, residual: { users: 1 } } : two,
    })
    expect(await run(left, { system: 's', url: URL })).toMatchObject({
      exit: 5,
      printed: expect.stringMatching(/still found in users +2[\s\S]*not clean/),
    })
    const old = [{ code: 'marker_unknown', detail: 'Check it.' }]
    expect(await run(fine, { system: 's', url: URL }, old)).toMatchObject({
      exit: 5,
      printed: expect.stringContaining('marker_unknown: Check it.'),
    })
    for (const bad of [{ held: 1 }, { unreadable: 1 }, { inconclusive: { x: 1 } }, { residual: { x: 1 } }])
      expect(isClean({ ...noTally, ...bad }, { reasons: [] })).toBe(false)
    expect(isClean({ ...noTally, residual: { x: 0 } }, { reasons: [] })).toBe(true)
  })

  it('that was interrupted goes on behind its last page, with the counts it had', async () => {
    const cut: Page = (phase, after) => (after === '' ? fine(phase, after) : new Error('killed'))
    const first = await run(cut, { system: 'shop-pg', url: URL, tables: 'users,orders' })
    expect(first.ended).toBeInstanceOf(Error)
    const [file = ''] = readdirSync(folder)
    const resume = file.replace('.json', '')
    const second = await run(fine, { resume, url: URL, json: true })
    expect(second.asked).toEqual(['replay t2', 'probe ', 'probe t2'])
    expect(JSON.parse(second.printed)).toMatchObject({
      applyId: resume,
      clean: true,
      replayed: { tombstones: 4, replayed: 4 },
    })
    expect((await run(fine, { resume, url: URL })).ended).toMatchObject({ message: /nothing is known/ })
    expect((await run(fine, { resume, url: URL, system: 'other' })).ended).toBeInstanceOf(Error)
  })

  it('asks again for a page that was not answered, and only looks when it runs dry', async () => {
    let lost = 0
    const { asked } = await run(
      (phase, after) => (lost++ === 0 ? new UnreachableError('away') : fine(phase, after)),
      { system: 's', url: URL, dryRun: true },
    )
    expect(asked).toEqual(['probe ', 'probe ', 'probe t2'])
    expect((await run(fine, { url: URL })).ended).toMatchObject({
      message: expect.stringContaining('--system'),
    })
    expect((await run(fine, { system: 's' })).ended).toMatchObject({
      message: expect.stringContaining('--url'),
    })
  })
})
