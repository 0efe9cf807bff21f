/**
 * What commander says of a mistyped command line, without what was typed in the place of a value: that may be a
 * person's identifier, and standard error ends in logs. Names of options and commands are kept.
 */
export function withoutValues(text: string): string {
  return text
    .replace(/unknown option '(--[a-z][a-z-]*|-[a-z])[^\n]*'/i, "unknown option '$1'")
    .replace(/unknown command '(?![a-z-]+')[^\n]*'/i, 'unknown command')
    .replace(/(too many arguments[^\n]* but got \d+): [^\n]*/, '$1.')
    .replace(/(argument|value) '[^\n]*' is invalid/, '$1 is invalid')
}
