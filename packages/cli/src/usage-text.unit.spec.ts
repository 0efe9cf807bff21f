import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { withoutValues } from './usage-text.js'

const secret = 'ada.lovelace+1@example.com'

/** What commander itself says of a command line, and what is left of it. */
function said(args: string[]): { raw: string; shown: string } {
  let raw = ''
  const program = new Command('lethe')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: (text) => (raw += text) })
  const refuse = (): never => {
    throw new InvalidArgumentError('Not a number.')
  }
  program
    .command('request')
    .option('--email <address>')
    .addOption(new Option('--order <way>').choices(['up', 'down']))
    .option('--limit <n>', '', refuse)
  program.command('show').argument('<request>')
  program.command('sort').addArgument(new Argument('<way>').choices(['up', 'down']))
  expect(() => program.parse(args, { from: 'user' })).toThrow(CommanderError)
  return { raw, shown: withoutValues(raw) }
}

describe('what is said of a mistyped command line', () => {
  it.each([
    ['an unknown option', ['request', `--emial=${secret}`], "unknown option '--emial'"],
    ["an option's value with quotes", ['request', `--emial='${secret}'='`], "unknown option '--emial'"],
    ['a short option', ['request', `-e${secret}`], "unknown option '-e'"],
    ['no command at all', [secret], 'unknown command'],
    ['one argument too many', ['show', 'x', secret], 'Expected 1 argument but got 2.'],
    [
      'none of the choices',
      ['request', '--order', secret],
      'argument is invalid. Allowed choices are up, down.',
    ],
    ['no number', ['request', '--limit', `${secret}' is invalid.`], 'argument is invalid. Not a number.'],
    [
      'an argument that is none',
      ['sort', secret],
      "value is invalid for argument 'way'. Allowed choices are up, down.",
    ],
  ])('names what was typed, not its value: %s', (_what, args, kept) => {
    const { raw, shown } = said(args)
    expect(raw).toContain(secret)
    expect(shown).not.toContain(secret)
    expect(shown).toContain(kept)
  })

  it('keeps the names of commands', () => {
    const { raw, shown } = said(['reqest'])
    expect(shown).toBe(raw)
    expect(shown).toContain("unknown command 'reqest'")
  })
})
