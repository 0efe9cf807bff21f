/** Collects the parameters of one statement; identifiers of people only ever travel as parameters. */
export class Parameters {
  readonly values: unknown[] = []
  add(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/**
 * A list of texts as the server reads arrays, made of all of them at once: escaping one after the other is what a
 * statement about thousands of people costs most.
 */
export function arrayText(values: readonly string[]): string {
  const isPlain = values.length > 0 && !values.some((value) => SPECIAL.test(value))
  return isPlain ? `{"${values.join('","')}"}` : `{${values.map(escaped).join(',')}}`
}

/** The same of numbers, also where digits stand for them. */
export const listed = (values: readonly (number | string)[]): string => `{${values.join(',')}}`

const SPECIAL = /["\\]/
const escaped = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Quotes a name from the catalogue or the data map. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
