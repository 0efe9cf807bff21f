import { inspect } from 'node:util'
import { createLogger } from '@lethe/service-host'

export interface Shown {
  /** Thrown, or answered with a failed outcome or an inconclusive finding. */
  readonly failed: boolean
  readonly text: string
}

/**
 * Everything one call of a connector lets out: the answer, or the error with its message, stack, causes and
 * every property, the host's log line of either, and whatever was written to the process's own outputs meanwhile.
 */
export async function shownBy(work: () => Promise<unknown>): Promise<Shown> {
  const parts: string[] = []
  const release = listen((text) => parts.push(text))
  const logger = createLogger('shown', { level: 'trace', destination: { write: (line) => parts.push(line) } })
  try {
    const answer = await work()
    logger.info({ answer }, 'a call')
    parts.push(inspect(answer, { depth: 12, showHidden: true }), JSON.stringify(answer) ?? '')
    return {
      failed: /"(failed|inconclusive)"[,}]/.test(JSON.stringify(answer) ?? ''),
      text: parts.join('\n'),
    }
  } catch (error) {
    logger.error({ err: error, error, why: error }, 'a call failed')
    logger.error(error)
    parts.push(...textsOf(error))
    return { failed: true, text: parts.join('\n') }
  } finally {
    release()
  }
}

function textsOf(error: unknown): string[] {
  const own = inspect(error, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null })
  if (!(error instanceof Error)) return [own]
  return [own, String(error), error.stack ?? '', JSON.stringify(error), ...textsOf(error.cause ?? null)]
}

/** Clients write warnings to the process's outputs when nobody listens to their events. */
function listen(hear: (text: string) => void): () => void {
  const outputs = [process.stdout, process.stderr]
  const writes = outputs.map((output) => output.write)
  for (const output of outputs)
    output.write = (chunk: string | Uint8Array) => {
      hear(Buffer.from(chunk as string).toString('latin1'))
      return true
    }
  const warn = (warning: Error) => hear(inspect(warning))
  process.on('warning', warn)
  return () => {
    for (const [at, output] of outputs.entries()) output.write = writes[at] as typeof output.write
    process.off('warning', warn)
  }
}
