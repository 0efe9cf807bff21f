import type { LostRequestView, SelfReportView, SelfView } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes } from './exit.js'
import { instant } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  accept?: boolean
  status?: boolean
  json?: boolean
}

const EVERY_MS = 500
/** Lost requests that are printed. */
const LINES = 20

/** `lethe restore self`: rebuilds from the topics what Lethe's own database lost when it was restored. */
export function addSelfCommand(restore: Command, ports: RestorePorts): void {
  restore
    .command('self')
    .description(
      "rebuild from the topics what Lethe's own database lost when it was restored, then let it go on",
    )
    .option('--status', 'only say whether it was restored, and what the last self-restore found')
    .option('--accept', 'go on although nobody can prove that everything is back; your name is kept')
    .option('--json', 'print JSON')
    .action(async ({ accept, status, json }: Given) => {
      const client = ports.restores()
      let view = status ? await client.self() : await client.restoreSelf({ accept: accept === true })
      while (!status && view.running) {
        ports.signal.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
        view = await client.self()
      }
      if (view.state === 'restored') ports.setExit(exitCodes.needsPerson)
      if (view.state === 'unknown') ports.setExit(exitCodes.failed)
      ports.print(json ? JSON.stringify(view) : text(view))
    })
}

const words: Readonly<Record<SelfView['state'], string>> = {
  ok: "Lethe's own database is the one it last worked with.",
  unguarded: "No head of Lethe's own database is kept yet; nobody would notice if it were restored.",
  restored: "Lethe's own database is an older copy of itself, or another one. Everything waits.",
  unknown: "Whether Lethe's own database was restored is unknown: it, or the head file, can't be read.",
}

function text({ state, reasons, running, last }: SelfView): string {
  const lines = [words[state]]
  if (reasons.length > 0) lines.push(`  because: ${reasons.join(', ')}`)
  if (running) lines.push('  a self-restore is under way')
  if (last === null) return lines.join('\n')
  lines.push(
    `last self-restore  ${instant(last.beganAt)}, by ${last.by}, because: ${last.reasons.join(', ')}`,
  )
  return [...lines, ...(last.report === null ? [] : ofReport(last.report))].join('\n')
}

const proofs: Readonly<Record<SelfReportView['proof'], string>> = {
  exact: 'every record of the chain is back, in its order',
  complete: 'the latest record of every tombstone is back; older ones were compacted',
  unproven: 'nobody can prove that every tombstone is back',
}

/** Most urgent first. */
const advice: Readonly<Record<LostRequestView['advice'], string>> = {
  ask_again: 'was under way: ask for it once more',
  decide_hold: 'was held, no replay touches this person: ask once more, place the hold on that one',
  certificate_gone: 'was done: nothing to erase, its certificate is gone',
  nothing_to_do: 'was refused or cancelled: nothing to do',
}

/** Each with what to do; those that need somebody first. */
function ofLost({ lost, lostIds, lostRequests }: SelfReportView): string[] {
  if (lost === undefined) return lostIds.slice(0, LINES).map((id) => `  lost request ${id}`)
  const order = Object.keys(advice)
  const sorted = [...lost].sort((a, b) => order.indexOf(a.advice) - order.indexOf(b.advice))
  const shown = sorted.slice(0, LINES)
  const systems = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '))
  return [
    ...shown.flatMap((one) => [
      `  lost request ${one.requestId} (tenant ${one.tenantId}) ${advice[one.advice]}`,
      `    tombstones back: ${systems(one.tombstones)}; acknowledged: ${systems(one.acknowledged)}; events, plan and certificate: gone`,
    ]),
    ...(lostRequests > shown.length
      ? [`  and ${lostRequests - shown.length} more; --json lists ${lost.length}, restore.lost_requests all`]
      : []),
  ]
}

function ofReport(report: SelfReportView): string[] {
  const lines = [
    `  ${proofs[report.proof]} (${report.records} records read)`,
    `  ${report.recovered} tombstones recovered, ${report.recoveredHeld} of them held`,
    `  ${report.heldAgain} requests held again, ${report.refolded} acknowledgements to fold again`,
    ...report.notRebuilt.map((line) => `  not rebuilt: ${line}`),
    ...ofLost(report),
  ]
  if (report.failed !== null) lines.push(`  it did not come to its end (${report.failed}); run it again`)
  if (report.needsAccept) lines.push('  Look at what is missing, then: lethe restore self --accept')
  if (report.incarnation !== null) lines.push(`  goes on as incarnation ${report.incarnation}`)
  return lines
}
