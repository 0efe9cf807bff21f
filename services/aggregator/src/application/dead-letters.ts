import type { RequestCommand } from '@lethe/domain'
import { isUnavailable } from '@lethe/event-store'
import type { Incoming, Quarantined } from '@lethe/messaging'
import type { RequestLog } from '@lethe/request-log'
import { type Logger, PausedError, TerminalError } from '@lethe/service-host'
import { type Proven, proven } from './read-message.js'

/** What becomes of a request whose message is about to go to the dead letters. */
export class DeadLetters {
  constructor(
    private readonly log: RequestLog,
    private readonly grantSecret: string,
    private readonly logger: Logger,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Makes the request show `failed`, before the offset moves, when the message is genuine and could not be
   * folded all the same. A message that is forged, unreadable or of no grant never changes a request: it
   * only lies in the dead letters. Idempotent.
   *
   * @throws PausedError while the database is away: the offset stays
   * @throws TerminalError `failure_not_recorded` when even this can not be written to the request, as when
   *   its stream is corrupt; the partition then goes on, and the dead letter still alarms
   */
  async tell(item: Quarantined): Promise<void> {
    const genuine = this.genuine(item)
    if (!genuine) return
    const { requestId, command } = genuine
    try {
      const decision = await this.log.transact([requestId], async (tx) =>
        tx.apply(requestId, command, this.now()),
      )
      const ids = { requestId, passId: command.passId }
      if (!decision.ok) this.logger.warn({ ...ids, code: decision.code }, 'a dead letter changes no request')
      else if (decision.events.length > 0)
        this.logger.error(ids, 'a report could not be folded; its request shows failed')
    } catch (cause) {
      if (isUnavailable(cause))
        throw new PausedError('database_unavailable', 'The database can not be used; folding waits.', {
          cause,
        })
      throw new TerminalError('failure_not_recorded', 'The request can not show that it failed.', { cause })
    }
  }

  private genuine(item: Quarantined): { requestId: string; command: DeadLetterCommand } | null {
    try {
      if (item.type === null || item.value === null || item.raw === null) return null
      const { requestId, command } = proven(item as Incoming, this.grantSecret)
      return { requestId, command: asDeadLetter(command) }
    } catch {
      // Its origin is not proven, and the reason is in the dead letter already.
      return null
    }
  }
}

type DeadLetterCommand = Extract<RequestCommand, { type: 'ReportDeadLetter' }>

function asDeadLetter(command: Proven['command']): DeadLetterCommand {
  if (command.type === 'Acknowledge') {
    const { systemId, passId, grantId } = command.ack
    return { type: 'ReportDeadLetter', systemId, passId, grantId }
  }
  const { systemId, passId } = command.report
  return { type: 'ReportDeadLetter', systemId, passId, grantId: null }
}
