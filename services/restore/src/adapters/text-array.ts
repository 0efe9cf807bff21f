/**
 * A list of texts as PostgreSQL reads arrays, made of all of them at once: escaping one after the other is what a
 * statement about thousands of people costs most.
 */
export function textArray(values: readonly string[]): string {
  const isPlain = values.length > 0 && !values.some((value) => SPECIAL.test(value))
  return isPlain ? `{"${values.join('","')}"}` : `{${values.map(escaped).join(',')}}`
}

const SPECIAL = /["\\]/
const escaped = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
