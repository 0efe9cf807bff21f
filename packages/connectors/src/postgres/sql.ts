/** Collects the parameters of one statement; identifiers of people only ever travel as parameters. */
export class Parameters {
  readonly values: unknown[] = []
  add(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** Quotes a name from the catalogue or the data map. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
