import type { ErasureRequestView, LetheClient, NewErasureRequest } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes } from './exit.js'
import { identifiersOf, type PersonOptions, withPerson } from './person-options.js'
import { instant, requestText, table } from './render.js'
import { planText, previewText } from './render-preview.js'
import { addTaskCommands } from './task-commands.js'
import { addVerbs } from './verb-commands.js'
import { wholeNumber } from './whole-number.js'

export interface Ports {
  /** `timeoutMs`: how long one answer may take. */
  client(timeoutMs?: number): LetheClient
  print(text: string): void
  setExit(code: number): void
  signal: AbortSignal
}

interface AskOptions extends PersonOptions {
  regime?: string
  ground?: string
  role?: NewErasureRequest['requesterRole']
  identityMethod?: string
  graceDays?: number
  needApproval?: boolean
  idempotencyKey?: string
  wait?: boolean
  dryRun?: boolean
  json?: boolean
}

async function ask(options: AskOptions, ports: Ports): Promise<void> {
  const identifiers = identifiersOf(options)
  const client = ports.client()
  if (options.dryRun) {
    const preview = await client.preview({ tenantId: options.tenant, identifiers })
    if (preview.unknown.length > 0) ports.setExit(exitCodes.failed)
    return ports.print(
      options.json
        ? JSON.stringify({ dryRun: true, ...preview })
        : `Dry run: nothing was asked for and nothing was changed.\n${planText(preview)}\n${previewText(preview)}`,
    )
  }
  const view = await client.request(
    {
      tenantId: options.tenant,
      identifiers,
      ...(options.regime ? { regime: options.regime } : {}),
      ...(options.ground ? { ground: options.ground } : {}),
      ...(options.role ? { requesterRole: options.role } : {}),
      identity: { method: options.identityMethod ?? 'caller_attestation' },
      ...(options.graceDays === undefined ? {} : { graceDays: options.graceDays }),
      ...(options.needApproval ? { approval: 'required' as const } : {}),
    },
    options.idempotencyKey,
  )
  if (options.wait) return follow(view.requestId, options, ports)
  show(view, options, ports)
}

function show(view: ErasureRequestView, options: { json?: boolean }, ports: Ports): void {
  ports.print(options.json ? JSON.stringify(view) : requestText(view))
}

async function follow(requestId: string, options: { json?: boolean }, ports: Ports): Promise<void> {
  let last: ErasureRequestView | null = null
  const away = () => {
    // Whoever reads JSON gets changes only.
    if (!options.json)
      ports.print('the service does not answer; still waiting (Ctrl-C stops following, not the erasure)')
  }
  for await (const view of ports.client().watch(requestId, 200, ports.signal, away)) {
    last = view
    show(view, options, ports)
  }
  if (last && !['COMPLETED', 'PARTIALLY_COMPLETED', 'CANCELLED', 'REFUSED'].includes(last.status))
    ports.setExit(exitCodes.needsPerson)
}

export function addRequestCommands(program: Command, ports: Ports): void {
  addAsking(program, ports)
  addShow(program, ports)
  addList(program, ports)
  addVerbs(program, ports)
  addTaskCommands(program, ports)
}

function addAsking(program: Command, ports: Ports): void {
  withPerson(program.command('request').description('ask for the erasure of a person'))
    .option('--regime <key>', 'legal clock: gdpr, uk_gdpr, ccpa, ...')
    .option('--ground <article>', 'legal ground, e.g. 17(1)(b)')
    .option('--role <role>', 'self, agent, admin, service or automated')
    .option('--identity-method <method>', 'how you know that the requester is the person')
    .option(
      '--grace-days <days>',
      'days in which it can be cancelled (default 7, 0 starts at once)',
      wholeNumber('--grace-days', 0, 60),
    )
    .option('--need-approval', 'a privacy officer approves before anything runs')
    .option('--idempotency-key <key>', 'the same key never makes a second request')
    .option('--wait', 'follow it until it needs nothing more; Ctrl-C stops following, not the erasure')
    .option('--dry-run', 'only show the plan and count what is held; sends no request')
    .action((options: AskOptions) => ask(options, ports))

  withPerson(
    program.command('preview').description('count what is held about a person; changes nothing'),
  ).action(async (options: AskOptions) => {
    const preview = await ports
      .client()
      .preview({ tenantId: options.tenant, identifiers: identifiersOf(options) })
    if (preview.unknown.length > 0) ports.setExit(exitCodes.failed)
    ports.print(options.json ? JSON.stringify(preview) : previewText(preview))
  })

  program
    .command('watch <request>')
    .description('follow a request until it needs nothing more')
    .option('--json', 'one JSON line per change')
    .action((id: string, options: { json?: boolean }) => follow(id, options, ports))
}

function addShow(program: Command, ports: Ports): void {
  program
    .command('show <request>')
    .description('one request: status, clock, steps, verification')
    .option('--events', 'also its timeline')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { events?: boolean; json?: boolean }) => {
      const view = await ports.client().get(id)
      const events = options.events ? (await ports.client().events(id)).items : []
      if (options.json) return ports.print(JSON.stringify(options.events ? { ...view, events } : view))
      ports.print(requestText(view))
      if (events.length > 0)
        ports.print(table(events.map((event) => [`  ${event.version}`, instant(event.at), event.type])))
    })
}

function addList(program: Command, ports: Ports): void {
  program
    .command('list')
    .description('requests, newest first')
    .option('--status <status>')
    .option('-t, --tenant <id>')
    .option('--system <id>')
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1, 200))
    .option('--cursor <cursor>', 'go on where the last page ended')
    .option('--json', 'print JSON')
    .action(
      async (options: {
        status?: string
        tenant?: string
        system?: string
        limit?: number
        cursor?: string
        json?: boolean
      }) => {
        const page = await ports.client().list({
          ...(options.status ? { status: options.status } : {}),
          ...(options.tenant ? { tenantId: options.tenant } : {}),
          ...(options.system ? { systemId: options.system } : {}),
          ...(options.limit !== undefined ? { limit: options.limit } : {}),
          ...(options.cursor ? { cursor: options.cursor } : {}),
        })
        if (options.json) return ports.print(JSON.stringify(page))
        const rows = page.items.map((view) => [
          view.requestId,
          view.status,
          view.tenantId,
          instant(view.receivedAt),
          instant(view.dueAt),
        ])
        ports.print(
          rows.length === 0
            ? 'No requests.'
            : table([['request', 'status', 'tenant', 'received', 'due'], ...rows]),
        )
        if (page.nextCursor) ports.print(`more: lethe list --cursor ${page.nextCursor}`)
      },
    )
}
