import type { ImportedTombstones, ImportLine } from '@lethe/client'
import { UnreachableError } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes } from './exit.js'
import { openTwice, type TwiceReadable } from './import-file.js'
import { LineReader, type Unreadable } from './import-lines.js'
import type { Ports } from './request-commands.js'

interface Given {
  tenant?: string
  dryRun?: boolean
  skipBad?: boolean
  json?: boolean
}

/** People to a call: one transaction each. */
const BATCH = 500
/** Bad lines that are listed; the others are counted. */
const LISTED = 50
const LONG_MS = 120_000
const TRIES = 5
const PAUSE_MS = 1_000
/** Between two lines that say how far it is, milliseconds. */
const SAY_MS = 2_000

interface Total {
  lines: number
  imported: number
  already: number
  expired: number
  badTotal: number
  readonly bad: Unreadable[]
}

const help = `
FILE has one person to a line: CSV with a header, or NDJSON with the same names. Columns:
  erased_at               when they were erased: a day, or an instant with its zone
  user_id, email, phone, vendor:<name>
                          identifiers, at least one; each system needs one that it knows people by
  tenant                  or --tenant for all of them
  systems                 where they were erased, separated by spaces; left out, every system
All of it is looked at before anything is imported. Lines that were imported before add nothing, so an import
that was interrupted is run again as it was. Needs a privacy officer or an administrator. See docs/restore.md.`

/** `lethe tombstones import`: people who were erased before Lethe stay absent from restored stores. */
export function addImportCommand(tombstones: Command, ports: Ports): void {
  tombstones
    .command('import <file>')
    .description(
      'people who were erased before Lethe: no restore brings them back; FILE, or - for what comes in',
    )
    .option('-t, --tenant <id>', 'tenant of lines that name none')
    .option('--skip-bad', 'import the good lines although there are bad ones')
    .option('--dry-run', 'look at all of it, and import nothing')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (file: string, given: Given) => {
      const opened = await openTwice(file)
      try {
        await importFile(opened, given, ports)
      } finally {
        await opened.close()
      }
    })
}

/** Looks at every line first; imports in a second reading, when nothing stands against it. */
export async function importFile(file: TwiceReadable, given: Given, ports: Ports): Promise<void> {
  const { dryRun = false, skipBad = false } = given
  const say = (text: string) => given.json || ports.print(text)
  const looked = await reading(file, given, ports, true, say)
  if (dryRun || ports.signal.aborted) return show(looked, given, ports, dryRun ? 'looked' : 'interrupted')
  if (looked.badTotal > 0 && !skipBad) {
    ports.setExit(exitCodes.needsPerson)
    return show({ ...looked, imported: 0 }, given, ports, 'refused')
  }
  const done = await reading(file, given, ports, false, say)
  show(done, given, ports, ports.signal.aborted ? 'interrupted' : 'imported')
}

async function reading(
  file: TwiceReadable,
  { tenant, skipBad = false }: Given,
  ports: Ports,
  dryRun: boolean,
  say: (text: string) => void,
): Promise<Total> {
  const total: Total = { lines: 0, imported: 0, already: 0, expired: 0, badTotal: 0, bad: [] }
  const reader = new LineReader({ tenant, now: Date.now() })
  const began = Date.now()
  let said = began
  let waiting: ImportLine[] = []
  const send = async () => {
    if (waiting.length === 0) return
    const lines = waiting
    waiting = []
    // Once everything was looked at, what has become bad since is told and keeps nobody else out.
    const options = { dryRun, skipBad: skipBad || !dryRun }
    add(total, await patiently(ports, () => ports.client(LONG_MS).importTombstones(lines, options)))
    if (Date.now() - said < SAY_MS) return
    said = Date.now()
    const perSecond = Math.round((total.lines / (said - began)) * 1_000)
    say(`${dryRun ? 'looked at' : 'imported'}  ${total.lines} lines · ${perSecond} a second`)
  }
  for await (const text of file.lines()) {
    if (ports.signal.aborted) return total
    const read = reader.read(text)
    if (read === null) continue
    total.lines++
    if ('code' in read) keep(total, [read])
    else waiting.push(read)
    if (waiting.length >= BATCH) await send()
  }
  if (!ports.signal.aborted) await send()
  return total
}

/** A call that was not answered may have been done: sent again it adds nothing. */
async function patiently(ports: Ports, ask: () => Promise<ImportedTombstones>): Promise<ImportedTombstones> {
  for (let tried = 1; ; tried++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof UnreachableError) || tried === TRIES || ports.signal.aborted) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}

function add(total: Total, { imported, already, expired, bad }: ImportedTombstones): void {
  total.imported += imported
  total.already += already
  total.expired += expired
  keep(total, bad)
}

/** As many as are listed: memory does not grow with the file. */
function keep(total: Total, bad: readonly Unreadable[]): void {
  total.badTotal += bad.length
  total.bad.push(...bad.slice(0, Math.max(0, LISTED - total.bad.length)))
}

const ends = {
  looked: 'Dry run: nothing was imported.',
  refused: 'Nothing was imported. Mend these lines, or go on without them: --skip-bad.',
  interrupted: 'Interrupted. Run the same command again: what is imported already adds nothing.',
  imported: 'Nobody of these comes back with a restored store.',
} as const

function show(total: Total, { json, dryRun }: Given, ports: Ports, end: keyof typeof ends): void {
  const { lines, imported, already, expired, badTotal, bad } = total
  if (end === 'interrupted') ports.setExit(exitCodes.failed)
  else if (badTotal > 0) ports.setExit(exitCodes.needsPerson)
  if (json) {
    ports.print(
      JSON.stringify({
        end,
        dryRun: dryRun ?? false,
        lines,
        imported,
        already,
        expired,
        bad: badTotal,
        badLines: bad,
      }),
    )
    return
  }
  for (const { line, code, detail } of [...bad].sort((a, b) => a.line - b.line))
    ports.print(`line ${line}: ${code}: ${detail}`)
  if (badTotal > bad.length) ports.print(`and ${badTotal - bad.length} more bad lines`)
  const would = end === 'looked' ? 'would be new' : 'imported'
  ports.print(
    `${lines} lines: ${imported} ${would}, ${already} known already, ${expired} without a backup that could hold them, ${badTotal} bad`,
  )
  ports.print(ends[end])
}
