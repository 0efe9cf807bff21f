import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withStack } from '../pipeline/ground.js'
import { ReportFile } from '../report/file.js'
import { loadSince, machine, machineSeconds } from '../report/machine.js'
import type { Sample } from '../report/measure.js'
import { renderTable, rowsOf } from '../report/table.js'
import { wholeNumber } from '../whole-number.js'
import { measureRestore, type RestoreSizes, restoreAims } from './measures.js'

export const RESTORE_USAGE = `       npm run bench -- restore [--quick] [--rows N] [--tombstones N] [--repetitions N] [--out FOLDER]`

const usual: RestoreSizes = {
  rows: 10_000_000,
  tombstones: 1_000_000,
  repetitions: 1,
  few: 10_000,
  smallRestores: 5,
  sample: 2_000,
  throttledSeconds: 30,
}
const quick: RestoreSizes = {
  ...usual,
  rows: 100_000,
  tombstones: 20_000,
  few: 2_000,
  smallRestores: 2,
  sample: 500,
  throttledSeconds: 5,
}

const rootDir = fileURLToPath(new URL('../../../..', import.meta.url))

/** `npm run bench -- restore`: replay, sweep, memory and detection, with what they are held against in the same run. */
export async function benchRestore(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rows: { type: 'string' },
      tombstones: { type: 'string' },
      repetitions: { type: 'string' },
      out: { type: 'string', default: join(rootDir, 'docs', 'benchmarks') },
    },
  })
  const base = values.quick ? quick : usual
  const sizes: RestoreSizes = {
    ...base,
    rows: wholeNumber('--rows', values.rows, base.rows),
    tombstones: wholeNumber('--tombstones', values.tombstones, base.tombstones),
    repetitions: wholeNumber('--repetitions', values.repetitions, base.repetitions),
  }
  if (sizes.tombstones > sizes.rows) throw new Error('--tombstones: there are not as many rows')
  if (sizes.tombstones < sizes.sample * 11) throw new Error(`--tombstones: at least ${sizes.sample * 11}`)
  await withStack(
    (line) => console.log(`  ${line}`),
    async (context) => {
      const on = await machine(context.at.shopPostgresUrl)
      console.log(
        `\n${on.cores} × ${on.cpu}, PostgreSQL ${on.postgres} (${on.durability}), commit ${on.commit}`,
      )
      let samples: readonly Sample[] = []
      const before = machineSeconds()
      const file = new ReportFile(values.out, (rows) => restoreAims(rows, sizes), 'restore')
      const keep = (now: readonly Sample[]) => {
        samples = now
        file.put('restore', { machine: on, sizes, load: loadSince(before), samples })
      }
      await measureRestore({ context, sizes, say: (text) => console.log(`  ${text}`), keep })
      const rows = rowsOf(samples)
      console.log(renderTable(rows, restoreAims(rows, sizes)))
      console.log(`\nJSON and plots: ${values.out}`)
    },
  )
}
