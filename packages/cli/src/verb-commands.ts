import type { Command as Verb } from '@lethe/client'
import type { Command } from 'commander'
import { givenIdentifiers, type IdentifierOptions, withIdentifiers } from './person-options.js'
import { instant, requestText } from './render.js'
import type { Ports } from './request-commands.js'

interface VerbCommand {
  readonly verb: Verb
  readonly help: string
  readonly options: readonly (readonly [string, string])[]
}

const reason = ['--reason <text>', 'kept in the vault only'] as const

const verbs: readonly VerbCommand[] = [
  {
    verb: 'refuse',
    help: 'refuse, with ground and citation',
    options: [
      ['--ground <article>', 'e.g. 17(3)(b)'],
      ['--citation <text>', 'the law or policy'],
    ],
  },
  { verb: 'hold', help: 'legal hold: nothing more is erased after the printed instant', options: [reason] },
  { verb: 'release', help: 'lift the hold; what was not acknowledged runs again', options: [] },
  { verb: 'cancel', help: 'withdraw; refused once anything may have been erased', options: [] },
  { verb: 'extend', help: 'extend the legal clock; say that the person was told', options: [reason] },
  { verb: 'retry', help: 'try a failed system again', options: [['--system <id>', 'the system']] },
  {
    verb: 'reprobe',
    help: 'have the probe of a system look again now; it only reads',
    options: [['--system <id>', 'the system']],
  },
]

interface Given extends IdentifierOptions {
  json?: boolean
  system?: string
}

/** Commands that change a request; each prints the request as it is afterwards. */
export function addVerbs(program: Command, ports: Ports): void {
  const approve = program
    .command('approve <request>')
    .description('approve what is waited for; name the person when it waits for that')
    .option('--json', 'print JSON')
  withIdentifiers(approve).action(async (id: string, given: Given) => {
    const identifiers = givenIdentifiers(given)
    await say(id, 'approve', identifiers.length > 0 ? { identifiers } : {}, given, ports)
  })
  for (const { verb, help, options } of verbs) {
    const command = program.command(`${verb} <request>`).description(help).option('--json', 'print JSON')
    for (const [flags, text] of options) command.option(flags, text)
    command.action((id: string, given: Given) => {
      const { json, system, ...rest } = given
      return say(id, verb, { ...rest, ...(system ? { systemId: system } : {}) }, given, ports)
    })
  }
}

async function say(id: string, verb: Verb, body: object, { json }: Given, ports: Ports): Promise<void> {
  const answer = await ports.client().command<Record<string, unknown>>(id, verb, body)
  if (json) return ports.print(JSON.stringify(answer))
  if (typeof answer.effectiveAt === 'number')
    ports.print(`held; nothing is erased after ${instant(answer.effectiveAt)}`)
  ports.print(requestText(await ports.client().get(id)))
}
