/**
 * What commander says of a mistyped command line, without what was typed in the place of a value: that may be a
 * person's identifier, and standard error ends in logs. Names of options and commands are kept.
 */
export function withoutValues(text: string): string {
  return text
    .replace(/unknown option '(--[a-z][a-z-]*|-[a-z])[\s\S]*'/i, "unknown option '$1'")
    .replace(/unknown command '(?![a-z-]+')[\s\S]*'/i, 'unknown command')
    .replace(/(too many arguments[^\n]* but got \d+): [\s\S]*/, '$1.')
    .replace(/(argument|value) '[\s\S]*' is invalid/, '$1 is invalid')
}
