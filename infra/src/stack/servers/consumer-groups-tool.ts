import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StackContext } from '../context.js'
import { javaArgs } from '../java.js'
import { log4j } from './kafka.js'

const runFile = promisify(execFile)

/** One line of `kafka-consumer-groups.sh --describe`; null where the tool prints a dash. */
export interface DescribedPartition {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
}

/** What Kafka's own tool says about groups: the program behind `kafka-consumer-groups.sh --describe`. */
export async function consumerGroupsTool(
  context: StackContext,
  groups: readonly string[],
): Promise<DescribedPartition[]> {
  const asked = groups.flatMap((group) => ['--group', group])
  const program = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
  const { stdout } = await runFile(context.tools.java, [
    ...javaArgs(context, 'kafka', '128m'),
    ...log4j,
    program,
    '--bootstrap-server',
    context.at.brokers.join(','),
    '--describe',
    ...asked,
  ])
  return stdout.split('\n').flatMap((line) => {
    const [group = '', topic = '', partition = '', committed = '', end = '', lag = ''] = line
      .trim()
      .split(/\s+/)
    if (!/^[0-9]+$/.test(partition)) return []
    return [
      {
        group,
        topic,
        partition: Number(partition),
        committed: whole(committed),
        end: whole(end),
        lag: whole(lag),
      },
    ]
  })
}

const whole = (text: string): number | null => (/^-?[0-9]+$/.test(text) ? Number(text) : null)
