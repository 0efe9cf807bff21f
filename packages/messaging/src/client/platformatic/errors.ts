/** A failure of the library. `type` is Kafka's name of the broker's answer, where there was one. */
export class PlatformaticError extends Error {
  constructor(
    readonly type: string | undefined,
    options: ErrorOptions,
  ) {
    super(type ? `Kafka answered ${type}` : 'the Kafka client failed', options)
    this.name = 'PlatformaticError'
  }
}

/** The library gives answers as one error or as several, nested; a message may quote anything, so it stays inside. */
export function portError(cause: unknown): PlatformaticError {
  return cause instanceof PlatformaticError ? cause : new PlatformaticError(nameOf(cause), { cause })
}

/** Beside a refused record the library counts one without a code, which says nothing. */
function nameOf(error: unknown): string | undefined {
  const types = answers(error)
  return types.find((type) => type !== 'UNKNOWN_SERVER_ERROR') ?? types[0]
}

/** Awaits the library and puts its errors into the port's form. */
export async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw portError(error)
  }
}

/** Every answer of a broker in an error, in the order they came. */
export function answers(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const { apiId, errors, cause } = error as Error & { apiId?: unknown; errors?: unknown }
  const inner = Array.isArray(errors) ? errors.flatMap(answers) : []
  return [...(typeof apiId === 'string' ? [apiId] : []), ...inner, ...(cause ? answers(cause) : [])]
}

const MEMBERSHIP = new Set([
  'REBALANCE_IN_PROGRESS',
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
])

/** Whether joining the group again is what helps. */
export function asksToRejoin(error: unknown): boolean {
  return answers(error).some((type) => MEMBERSHIP.has(type)) || MEMBERSHIP.has(typeOf(error))
}

function typeOf(error: unknown): string {
  return error instanceof PlatformaticError ? (error.type ?? '') : ''
}
