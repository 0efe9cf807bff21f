import { endpoints } from '@lethe/infra'
import {
  type DeadLetter,
  type DeadLetterSelection,
  type KafkaConfig,
  kafkaConfigFromEnvironment,
  listDeadLetters,
  redrive,
} from '@lethe/messaging'
import type { TopicName } from '@lethe/schemas'
import type { Command } from 'commander'
import { environment } from './config.js'
import { exitCodes } from './exit.js'
import { adviceOnLetters } from './letter-advice.js'
import { instant, table } from './render.js'
import type { Ports } from './request-commands.js'
import { wholeNumber } from './whole-number.js'

interface Selected {
  topic?: TopicName
  group?: string
  code?: string
  all?: boolean
  json?: boolean
}

function selecting(command: Command): Command {
  return command
    .option('--topic <topic>', 'only of this topic, e.g. erasure.requested')
    .option('--group <group>', 'only of this consumer group, e.g. eraser.shop-pg')
    .option('--code <code>', 'only with this cause, e.g. grant_invalid')
    .option('--all', 'also those that were sent again already')
    .option('--json', 'print JSON')
}

/** `dlq list` and `dlq redrive`. Dead letters are named by their origin; no message body is shown. */
export function addDlqCommands(program: Command, ports: Ports): void {
  const dlq = program.command('dlq').description('dead letters: what a consumer could not handle')

  selecting(dlq.command('list').description('dead letters, oldest first')).action(
    async (options: Selected) => {
      const letters = await listDeadLetters(kafka(), selectionOf(options))
      if (options.json) return ports.print(JSON.stringify(letters))
      ports.print(letters.length === 0 ? 'No dead letters.' : lettersText(letters))
    },
  )

  selecting(dlq.command('redrive [ids...]').description('send dead letters to their consumer again'))
    .option('--dry-run', 'only say what would be sent')
    .option('--rate <n>', 'messages per second (default 100)', wholeNumber('--rate', 1, 100_000))
    .action(async (ids: string[], options: Selected & { dryRun?: boolean; rate?: number }) => {
      const selection = { ...selectionOf(options), ...(ids.length > 0 ? { ids } : {}) }
      if (ids.length > 0) await known(ids, selection)
      const result = await redrive({
        kafka: kafka(),
        selection,
        dryRun: options.dryRun === true,
        ...(options.rate !== undefined ? { rate: options.rate } : {}),
      })
      if (options.json) return ports.print(JSON.stringify(result))
      if (result.selected.length > 0) ports.print(lettersText(result.selected))
      const verb = options.dryRun ? 'would be sent again' : 'sent again'
      ports.print(`${options.dryRun ? result.selected.length : result.redriven} ${verb}`)
      if (result.gone.length > 0) {
        ports.print(`${result.gone.length} can not be sent: neither the origin nor a copy is kept any more`)
        ports.setExit(exitCodes.failed)
      }
    })
}

/** Nothing is sent when one of them is mistyped. */
async function known(ids: readonly string[], selection: DeadLetterSelection): Promise<void> {
  const found = new Set((await listDeadLetters(kafka(), selection)).map(({ id }) => id))
  const missing = ids.filter((id) => !found.has(id)).length
  if (missing === 0) return
  throw new Error(
    `${missing} of ${ids.length} ids name no dead letter that fits, and nothing was sent: see lethe dlq list, with --all those sent again already`,
  )
}

/** The brokers of the environment, else the local stack's. */
function kafka(): KafkaConfig {
  return kafkaConfigFromEnvironment('lethe-cli', {
    LETHE_KAFKA: endpoints().brokers.join(','),
    ...environment,
  })
}

function selectionOf({ topic, group, code, all }: Selected): DeadLetterSelection {
  return {
    ...(topic ? { topic } : {}),
    ...(group ? { group } : {}),
    ...(code ? { code } : {}),
    ...(all ? { includeRedriven: true } : {}),
  }
}

/** A header of whoever sent the message: shown when it can be the name of a type, never as it is. */
const typeOf = ({ type }: DeadLetter): string =>
  type !== null && /^[A-Za-z]{1,60}$/.test(type) ? type : 'not decodable'

function lettersText(letters: readonly DeadLetter[]): string {
  const rows = letters.map((letter) => [
    letter.id,
    letter.group,
    typeOf(letter),
    letter.code,
    `${letter.attempts} attempts`,
    instant(letter.firstSeen),
    letter.redriven ? 'sent again' : '',
  ])
  const list = table([['origin', 'group', 'type', 'cause', 'tried', 'first seen', ''], ...rows])
  return [list, ...adviceOnLetters(letters.map(({ code }) => code))].join('\n')
}
