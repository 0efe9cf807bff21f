import type { PoolClient } from 'pg'

type Statement = () => Promise<unknown>
type Answers<Statements extends readonly Statement[]> = {
  -readonly [Index in keyof Statements]: Awaited<ReturnType<Statements[Index]>>
}

/** PostgreSQL's refusal of everything that follows a failed statement; never the cause itself. */
const ABORTED = '25P02'

/**
 * Sends statements that do not need each other's answers in one go and waits once, where the connection
 * pipelines (`pipeline: true` of its pool); one after the other where it does not. The server runs them in
 * this order either way. Waits for all of them even when one fails: a statement that went out after the
 * ROLLBACK would be committed on its own.
 *
 * @throws the error that made the transaction fail, not those that followed from it
 */
export async function backToBack<const Statements extends readonly Statement[]>(
  client: Pick<PoolClient, 'pipeline'>,
  statements: Statements,
): Promise<Answers<Statements>> {
  if (!client.pipeline) {
    const answers: unknown[] = []
    for (const send of statements) answers.push(await send())
    return answers as Answers<Statements>
  }
  const settled = await Promise.allSettled(statements.map((send) => send()))
  const errors = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (errors.length > 0) throw errors.find((error) => !isAborted(error)) ?? errors[0]
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as Answers<Statements>
}

const isAborted = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === ABORTED
