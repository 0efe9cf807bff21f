import { topics } from '@lethe/schemas'
import type { Command } from 'commander'
import { UsageError } from './exit.js'

/** What a value looks like that is given in this place. */
interface Shape {
  /** Follows the name of the place: says what belongs there. */
  readonly says: string
  fits(value: unknown): boolean
}

const text = (pattern: RegExp, says: string): Shape => ({
  says,
  fits: (value) => typeof value === 'string' && pattern.test(value),
})
/** Checked by the service, or by nobody: names, reasons, files. */
const free = text(/^[^\0\ufffd]+$/, 'is empty, or your terminal did not send it as UTF-8')
/** Read by `wholeNumber` already. */
const number: Shape = { says: 'is a whole number', fits: Number.isSafeInteger }

const requestId = text(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  'is the id of a request; lethe list shows them',
)
const systemId = text(/^(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'is the name of a system of the data map')
const restoreId = text(
  /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/,
  'is an id of 1 to 100 letters, digits and . _ : - ; lethe restore history shows them',
)

const role = text(
  /^[^"\s\\\p{C}]{1,63}$/u,
  'is the name of a role, without spaces, quotes or control characters',
)
const at = text(
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,12}(Z|[+-][0-9]{2}:[0-9]{2}))?$/,
  'is an instant such as 2026-11-21T10:00:00Z',
)

/**
 * Every place of the command line that takes a value. What goes into an address, a header, or the choice of what is
 * done must look like what belongs there: an empty variable of a script must not become "everything", and a person's
 * identifier in the wrong place must not end in somebody's access log.
 */
const shapes: Readonly<Record<string, Shape>> = {
  '<request>': requestId,
  '<restore>': restoreId,
  '<review>': restoreId,
  '<decision>': text(/^(keep|erase)$/, 'is keep or erase'),
  '<epoch>': text(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'is the name of an epoch; lethe vault status shows them',
  ),
  '<ids>': text(
    /^[a-z.]{1,100}\/[0-9]{1,9}\/[0-9]{1,19}$/,
    'is the origin of a dead letter, topic/partition/offset; lethe dlq list shows them',
  ),
  '<name>': text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is the name of a process; lethe status shows them'),
  '<profile>': text(/^(core|services)$/, 'is core or services'),
  '<file>': free,
  '--tenant': text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is the id of a tenant: letters, digits and . _ -'),
  '--system': systemId,
  '--status': text(
    /^[A-Z][A-Z_]{1,40}(,[A-Z][A-Z_]{1,40}){0,20}$/,
    'is a status such as FAILED, or several with commas',
  ),
  '--cursor': text(/^[A-Za-z0-9_-]{1,500}$/, 'is what lethe list printed; start again without it'),
  '--limit': number,
  '--grace-days': number,
  '--rate': number,
  '--idempotency-key': text(/^[\x21-\x7e]{1,200}$/, 'is 1 to 200 printable characters without spaces'),
  '--topic': {
    says: `is one of ${Object.keys(topics).join(', ')}`,
    fits: (value) => typeof value === 'string' && Object.hasOwn(topics, value),
  },
  '--group': text(/^[A-Za-z0-9._-]{1,200}$/, 'is a consumer group such as eraser.shop-pg'),
  '--code': text(/^[a-z_]{1,100}$/, 'is a cause such as grant_invalid'),
  '--backup': restoreId,
  '--ticket': restoreId,
  '--outcome': text(/^(erased|not_found)$/, 'is erased or not_found'),
  '--records': number,
  '--done-at': at,
  '--reference': free,
  '--note': free,
  '--taken': at,
  '--kept-until': at,
  '--policy': restoreId,
  '--acl-file': free,
  '--tables': text(
    /^[^\s"*,]{1,127}(,[^\s"*,]{1,127}){0,499}$/,
    'is a table or an index, or several with commas',
  ),
  '--resume': text(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'is the id that an earlier apply printed'),
  '--config': free,
  '--replay-user': text(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'is the name of a user: letters, digits and . _ -',
  ),
  '--data-directory': free,
  '--url': free,
  '--search-url': free,
  '--snapshot': text(
    /^[^\s/\\*?"<>|,#\p{C}]{1,255}\/[^\s/\\*?"<>|,#\p{C}]{1,255}$/u,
    'is written repository/snapshot',
  ),
  '--indices': text(/^[^\s/\\*?"<>|,#\p{C}]{1,255}$/u, 'is the name of one index, without wildcards'),
  '--replay-role': role,
  '--restoring-role': role,
  '--admit': role,
  '--config-file': free,
  '--gate-directory': free,
  '--email': free,
  '--user-id': free,
  '--phone': free,
  '--identifier': free,
  '--identifiers-from': free,
  '--regime': free,
  '--ground': free,
  '--role': free,
  '--identity-method': free,
  '--citation': free,
  '--reason': free,
  '--database': free,
}

/** The places of one command: their names as a person knows them, and what was given there. */
export function placesOf(command: Command): { readonly name: string; readonly given: unknown }[] {
  const named = command.registeredArguments.map((argument, at) => ({
    name: `<${argument.name()}>`,
    given: command.processedArgs[at],
  }))
  const options = command.options.filter(({ required, optional }) => required || optional)
  return [
    ...named,
    ...options.map((option) => ({
      name: option.long ?? option.flags,
      given: command.getOptionValue(option.attributeName()),
    })),
  ]
}

/** Whether something is said of this place. */
export const isKnown = (name: string): boolean => Object.hasOwn(shapes, name)

/** Before any command runs. @throws UsageError that names the first wrong place, never what was given there */
export function checkShapes(command: Command): void {
  for (const { name, given } of placesOf(command)) {
    const shape = shapes[name]
    if (shape === undefined) throw new UsageError(`nothing is said of ${name}; this is a mistake in lethe`)
    for (const value of Array.isArray(given) ? given : [given])
      if (value !== undefined && !shape.fits(value)) throw new UsageError(`${name} ${wrong(shape, value)}`)
  }
}

const wrong = ({ says }: Shape, value: unknown): string =>
  value === '' ? 'is empty: leave it out, or give it a value' : says
