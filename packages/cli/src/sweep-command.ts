import type { SweepView } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes } from './exit.js'
import { instant, table } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  system?: string
  wait?: boolean
  json?: boolean
}

const EVERY_MS = 500

/** `lethe restore sweep`: looks for people who came back into a store in use; without a system, lists sweeps. */
export function addSweepCommand(restore: Command, ports: RestorePorts): void {
  restore
    .command('sweep')
    .description('look for erased people who are back in a store in use, and erase them again')
    .option('--system <id>', 'sweep this system now; without it, sweeps are listed, newest first')
    .option(
      '--wait',
      'until the end; ends with 0 only when everybody could be looked for and nobody was found',
    )
    .option('--json', 'print JSON')
    .action(async ({ system, wait, json }: Given) => {
      if (system === undefined) return say(await ports.restores().sweeps(), json, ports)
      const begun = await ports.restores().sweep(system)
      const last = wait ? await follow(begun, json, ports) : begun
      // Residue, or people nobody could look for: neither is clean.
      if (last.restoreId !== null) ports.setExit(exitCodes.needsPerson)
      say([last], json, ports)
    })
}

async function follow(begun: SweepView, json: boolean | undefined, ports: RestorePorts): Promise<SweepView> {
  let said = ''
  for (;;) {
    ports.signal.throwIfAborted()
    const view = await ports.restores().oneSweep(begun.sweepId)
    const text = `${view.probed} looked for, ${view.residual} had come back`
    if (text !== said && !json) ports.print(text)
    said = text
    if (view.finishedAt !== null) return view
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

const heads = ['sweep', 'system', 'kind', 'started', 'ended', 'looked for', 'had come back', 'see restore']

function say(views: readonly SweepView[], json: boolean | undefined, ports: RestorePorts): void {
  if (json || views.length === 0) {
    ports.print(json ? JSON.stringify(views) : 'No sweeps.')
    return
  }
  const row = (view: SweepView) => [
    view.sweepId,
    view.systemId,
    view.kind,
    instant(view.startedAt),
    instant(view.finishedAt),
    String(view.probed),
    String(view.residual),
    view.restoreId ?? '',
  ]
  ports.print(table([heads, ...views.map(row)]))
}
