import { readFileSync } from 'node:fs'
import type {
  ErasureRequestView,
  Identifier,
  LetheClient,
  NewErasureRequest,
  Command as Verb,
} from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes, UsageError } from './exit.js'
import { instant, previewText, requestText, table } from './render.js'

export interface Ports {
  client(): LetheClient
  print(text: string): void
  setExit(code: number): void
  signal: AbortSignal
}

interface PersonOptions {
  tenant: string
  email?: string
  userId?: string
  phone?: string
  identifier?: string[]
  identifiersFrom?: string
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

const collect = (value: string, before: string[] = []): string[] => [...before, value]

/** Person options shared by `request` and `preview`. */
function withPerson(command: Command): Command {
  return command
    .requiredOption('-t, --tenant <id>', 'tenant the person belongs to')
    .option('--email <address>', 'e-mail address')
    .option('--user-id <id>', 'user id as your system stores it')
    .option('--phone <number>', 'phone number, E.164')
    .option('--identifier <type=value>', 'any identifier, e.g. vendor:stripe=cus_1 (repeatable)', collect)
    .option(
      '--identifiers-from <file>',
      'read type=value lines from a file, or from - ; keeps them out of the shell history',
    )
    .option('--json', 'print JSON')
}

function identifiersOf(options: PersonOptions): Identifier[] {
  const lines = options.identifiersFrom
    ? readFileSync(options.identifiersFrom === '-' ? 0 : options.identifiersFrom, 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
    : []
  const pairs = [...(options.identifier ?? []), ...lines].map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError('an identifier is written type=value, e.g. email=someone@example.com')
    return { type: pair.slice(0, at).trim() as Identifier['type'], value: pair.slice(at + 1).trim() }
  })
  if (options.email) pairs.push({ type: 'email', value: options.email })
  if (options.userId) pairs.push({ type: 'user_id', value: options.userId })
  if (options.phone) pairs.push({ type: 'phone', value: options.phone })
  if (pairs.length === 0)
    throw new UsageError('name the person: --email, --user-id, --phone, --identifier or --identifiers-from')
  return pairs
}

async function ask(options: AskOptions, ports: Ports): Promise<void> {
  const identifiers = identifiersOf(options)
  const client = ports.client()
  if (options.dryRun) {
    const { systems } = await client.preview({ tenantId: options.tenant, identifiers })
    ports.print(
      options.json
        ? JSON.stringify({ dryRun: true, systems })
        : `Dry run, nothing was asked for. This is held:\n${previewText(systems)}`,
    )
    return
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
  for await (const view of ports.client().watch(requestId, 200, ports.signal)) {
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
}

function addAsking(program: Command, ports: Ports): void {
  withPerson(program.command('request').description('ask for the erasure of a person'))
    .option('--regime <key>', 'legal clock: gdpr, uk_gdpr, ccpa, ...')
    .option('--ground <article>', 'legal ground, e.g. 17(1)(b)')
    .option('--role <role>', 'self, agent, admin, service or automated')
    .option('--identity-method <method>', 'how you know that the requester is the person')
    .option('--grace-days <days>', 'days in which it can be cancelled (default 7, 0 starts at once)', Number)
    .option('--need-approval', 'a privacy officer approves before anything runs')
    .option('--idempotency-key <key>', 'the same key never makes a second request')
    .option('--wait', 'follow it until it needs nothing more; Ctrl-C stops following, not the erasure')
    .option('--dry-run', 'only count what is held')
    .action((options: AskOptions) => ask(options, ports))

  withPerson(
    program.command('preview').description('count what is held about a person; changes nothing'),
  ).action(async (options: AskOptions) => {
    const { systems } = await ports
      .client()
      .preview({ tenantId: options.tenant, identifiers: identifiersOf(options) })
    ports.print(options.json ? JSON.stringify({ systems }) : previewText(systems))
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
    .option('--limit <n>', 'at most this many', Number)
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
          ...(options.limit ? { limit: options.limit } : {}),
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

const verbs: readonly { verb: Verb; help: string; options: readonly [string, string][] }[] = [
  { verb: 'approve', help: 'approve what is waited for', options: [] },
  {
    verb: 'refuse',
    help: 'refuse, with ground and citation',
    options: [
      ['--ground <article>', 'e.g. 17(3)(b)'],
      ['--citation <text>', 'the law or policy'],
    ],
  },
  {
    verb: 'hold',
    help: 'legal hold: nothing more is erased after the printed instant',
    options: [['--reason <text>', 'kept in the vault only']],
  },
  { verb: 'release', help: 'lift the hold; what was not acknowledged runs again', options: [] },
  { verb: 'cancel', help: 'withdraw; refused once anything may have been erased', options: [] },
  {
    verb: 'extend',
    help: 'extend the legal clock; say that the person was told',
    options: [['--reason <text>', 'kept in the vault only']],
  },
  { verb: 'retry', help: 'try a failed system again', options: [['--system <id>', 'the system']] },
]

function addVerbs(program: Command, ports: Ports): void {
  for (const { verb, help, options } of verbs) {
    const command = program.command(`${verb} <request>`).description(help).option('--json', 'print JSON')
    for (const [flags, text] of options) command.option(flags, text)
    command.action(async (id: string, given: Record<string, string | boolean | undefined>) => {
      const { json, system, ...rest } = given
      const body = { ...rest, ...(system ? { systemId: system } : {}) }
      const answer = await ports.client().command<Record<string, unknown>>(id, verb, body)
      if (json) return ports.print(JSON.stringify(answer))
      if (typeof answer.effectiveAt === 'number')
        ports.print(`held; nothing is erased after ${instant(answer.effectiveAt)}`)
      ports.print(requestText(await ports.client().get(id)))
    })
  }
}
