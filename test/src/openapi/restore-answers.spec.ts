// The forms the document is made of.
import * as answers from '../../../services/restore/src/adapters/http/answers.js'
import type { Chain } from '../harness/chain.js'
import { dumpTo, withRestored } from '../harness/dumps.js'
import { until } from '../harness/wait.js'

type Answer = Readonly<Record<string, unknown>>
interface Shape {
  safeParse(value: unknown): {
    readonly success: boolean
    readonly error?: { readonly issues: readonly unknown[] } | undefined
  }
}
interface ObjectShape extends Shape {
  readonly shape: Readonly<Record<string, Shape>>
}
interface Formed {
  readonly operation: string
  readonly shape: ObjectShape
  readonly body: Answer
}

/** What the restore service of a chain answers when all goes well, each with the form its document gives it. */
export async function answersOfRestore(chain: Chain, file: string): Promise<Formed[]> {
  const { at, secrets } = chain.context
  const formed: Formed[] = []
  const ask = async (operation: string, shape: ObjectShape, path: string, sent?: object): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${at.ports.restore}${path}`, {
      method: sent === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${secrets.token('privacy-officer')}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    })
    const body = (await response.json()) as Answer
    if (!response.ok) throw new Error(`${operation}: ${response.status} ${JSON.stringify(body)}`)
    formed.push({ operation, shape, body })
    return body
  }
  const cache = { systemId: 'cache' }
  const shop = { systemId: 'shop-pg' }
  const { sweepId } = await ask('sweep', answers.sweep, '/v1/sweeps', shop)
  await ask('oneSweep', answers.sweep, `/v1/sweeps/${sweepId}`)
  await ask('sweeps', answers.sweeps, '/v1/sweeps?systemId=shop-pg')
  const backup = { ...shop, backupId: 'b1', takenAt: Date.now(), keptUntil: Date.now() + 3e10 }
  await ask('reportBackup', answers.backup, '/v1/backups', backup)
  await ask('backups', answers.backups, '/v1/backups?all=true')
  await ask('reviews', answers.reviews, '/v1/reviews')
  await ask('self', answers.self, '/v1/self')
  await ask('checkDrill', answers.checkedDrill, '/v1/drills/check', cache)
  const { drillId } = await ask('startDrill', answers.drill, '/v1/drills', cache)
  await until(
    'the end of the drill',
    async () => {
      const body = await ask('drill', answers.drill, `/v1/drills/${drillId}`)
      formed.pop()
      return body
    },
    ({ finishedAt }) => finishedAt !== null,
    120_000,
  )
  await ask('drill', answers.drill, `/v1/drills/${drillId}`)
  await ask('drills', answers.drills, '/v1/drills')
  await dumpTo(file, chain, chain.pgUrl)
  await withRestored(file, chain, chain.pgUrl, async (url) => {
    const copy = { ...shop, applyId: 'a1', url }
    await ask('checkCopy', answers.checkedCopy, '/v1/copies/check', { ...copy, dryRun: true })
    await ask('probeCopy', answers.copyPage, '/v1/copies/probe', copy)
    await ask('replayCopy', answers.copyPage, '/v1/copies/replay', copy)
  })
  // Last, because the gate of the shop is shut for it.
  const { restoreId } = await ask('announce', answers.restore, '/v1/restores', shop)
  await ask('gate', answers.gate, '/v1/gates/shop-pg')
  await ask('restore', answers.restore, `/v1/restores/${restoreId}`)
  await ask('restores', answers.restores, '/v1/restores')
  return formed
}
