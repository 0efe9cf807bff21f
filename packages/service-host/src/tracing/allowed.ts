/** A name like a system, a pass, a code: it starts with a letter or digit and holds no `@`, space or quote. */
const id = /^[A-Za-z0-9][A-Za-z0-9_.#/-]{0,127}$/
const word = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const count = 'count'

/** Everything a span may say, and how each value looks. What is not here is dropped before it is exported. */
export const allowed = {
  'lethe.request.id': uuid,
  'lethe.system.id': id,
  'lethe.pass.id': id,
  'lethe.attempt': count,
  'lethe.outcome': word,
  'lethe.count.found': count,
  'lethe.count.erased': count,
  'lethe.count.redacted': count,
  'lethe.count.retained': count,
  'lethe.count.failed': count,
  'lethe.count.residual': count,
  'error.type': word,
  'http.request.method': /^[A-Z]{3,7}$/,
  'http.route': /^\/[A-Za-z0-9_/:.-]{0,127}$/,
  'http.response.status_code': count,
  'messaging.destination.name': word,
  'messaging.consumer.group.name': id,
  'messaging.batch.message_count': count,
} as const satisfies Record<string, RegExp | typeof count>

export type SpanAttributes = { readonly [Name in keyof typeof allowed]?: string | number | undefined }

/** Every span Lethe makes; another name is exported as `unnamed`. */
export const spanNames = [
  'http.call',
  'request.accept',
  'request.transact',
  'outbox.publish',
  'kafka.consume',
  'eraser.pass',
  'eraser.clearance',
  'eraser.erase',
  'eraser.acknowledge',
  'probe.pass',
  'probe.clearance',
  'probe.look',
  'probe.report',
  'aggregator.fold',
] as const
export type SpanName = (typeof spanNames)[number]

const names: ReadonlySet<string> = new Set(spanNames)

export const allowedName = (name: string): string => (names.has(name) ? name : 'unnamed')

/** The attributes that are on the list and look as they should. */
export function allowedAttributes(
  attributes: Readonly<Record<string, unknown>>,
): Record<string, string | number> {
  const kept: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(attributes)) {
    const shape = Object.hasOwn(allowed, name) ? allowed[name as keyof typeof allowed] : undefined
    if (shape === count && typeof value === 'number' && Number.isSafeInteger(value)) kept[name] = value
    else if (shape instanceof RegExp && typeof value === 'string' && shape.test(value)) kept[name] = value
  }
  return kept
}
