import { readFileSync } from 'node:fs'
import type { Identifier } from '@lethe/client'
import type { Command } from 'commander'
import { UsageError } from './exit.js'

export interface IdentifierOptions {
  email?: string
  userId?: string
  phone?: string
  identifier?: string[]
  identifiersFrom?: string
}

export interface PersonOptions extends IdentifierOptions {
  tenant: string
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]

/** The ways to name a person. */
export function withIdentifiers(command: Command): Command {
  return command
    .option('--email <address>', 'e-mail address')
    .option('--user-id <id>', 'user id as your system stores it')
    .option('--phone <number>', 'phone number, E.164')
    .option('--identifier <type=value>', 'any identifier, e.g. vendor:stripe=cus_1 (repeatable)', collect)
    .option(
      '--identifiers-from <file>',
      'read type=value lines from a file, or from - ; keeps them out of the shell history',
    )
}

/** Tenant and person, for `request` and `preview`. */
export function withPerson(command: Command): Command {
  return withIdentifiers(command.requiredOption('-t, --tenant <id>', 'tenant the person belongs to')).option(
    '--json',
    'print JSON',
  )
}

/** The identifiers given, none included. @throws UsageError when one is not written type=value */
export function givenIdentifiers(options: IdentifierOptions): Identifier[] {
  const pairs = [...(options.identifier ?? []), ...linesOf(options.identifiersFrom)].map(pairOf)
  if (options.email) pairs.push({ type: 'email', value: options.email })
  if (options.userId) pairs.push({ type: 'user_id', value: options.userId })
  if (options.phone) pairs.push({ type: 'phone', value: options.phone })
  return pairs
}

/** As `givenIdentifiers`, at least one. @throws UsageError */
export function identifiersOf(options: PersonOptions): Identifier[] {
  const pairs = givenIdentifiers(options)
  if (pairs.length > 0) return pairs
  throw new UsageError('name the person: --email, --user-id, --phone, --identifier or --identifiers-from')
}

function linesOf(file: string | undefined): string[] {
  if (file === undefined) return []
  return read(file)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
}

/** Bytes that are no UTF-8 would become the identifier of somebody else, or of nobody. */
function read(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file === '-' ? 0 : file))
  } catch (cause) {
    throw new UsageError(
      'what --identifiers-from names can not be read as UTF-8 text: give the path of a file, or - for standard input',
      { cause },
    )
  }
}

/** The value is kept as it is: `u1 ` is somebody else than `u1`. */
function pairOf(text: string): Identifier {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError('an identifier is written type=value, e.g. email=someone@example.com')
  return { type: text.slice(0, at).trim() as Identifier['type'], value: text.slice(at + 1) }
}
