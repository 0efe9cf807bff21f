type Statement = () => Promise<unknown>
type Answers<Statements extends readonly Statement[]> = {
  -readonly [Index in keyof Statements]: Awaited<ReturnType<Statements[Index]>>
}

/** What is used of a connection; its socket is reached through a field that pg keeps public but does not type. */
export interface Pipelining {
  readonly query?: unknown
  readonly pipeline?: boolean
  readonly connection?: { readonly stream?: { cork?(): void; uncork?(): void } }
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
  client: Pipelining,
  statements: Statements,
): Promise<Answers<Statements>> {
  if (!client.pipeline) {
    const answers: unknown[] = []
    for (const send of statements) answers.push(await send())
    return answers as Answers<Statements>
  }
  const settled = await Promise.allSettled(together(client, statements))
  const errors = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (errors.length > 0) throw errors.find((error) => !isAborted(error)) ?? errors[0]
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as Answers<Statements>
}

const isAborted = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === ABORTED

/** Sends everything before anything is answered, in one write of the socket instead of one for each. */
function together(client: Pipelining, statements: readonly Statement[]): Promise<unknown>[] {
  const stream = client.connection?.stream
  stream?.cork?.()
  try {
    return statements.map((send) => send())
  } finally {
    stream?.uncork?.()
  }
}
