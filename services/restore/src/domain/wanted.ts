import { bytesOf, DigestSet, versionOf } from './digest-set.js'

/** A tombstone whose identifiers can't be read any more. */
interface Unreadable {
  readonly mapVersion: number
  readonly digested?: { readonly tenantId: string; readonly digests: readonly string[] } | undefined
}

/** People who are looked for by their digests, in 16 bytes each. */
export class Wanted {
  readonly set = new DigestSet()
  readonly tenants = new Set<string>()
  /** Of the data map. */
  readonly versions = new Set<number>()
  /** How many have digests under which peppers, by the versions of those. */
  private readonly under = new Map<string, number>()

  add({ digested, mapVersion }: Unreadable): void {
    // Nearly everybody has one digest, or several under one pepper: a text costs less than a set of them.
    let peppers = ''
    for (const digest of digested?.digests ?? []) {
      const bytes = bytesOf(digest)
      if (bytes === null) continue
      this.set.add(bytes)
      const version = versionOf(digest)
      if (peppers === '') peppers = version
      else if (!peppers.split(' ').includes(version)) peppers += ` ${version}`
    }
    this.under.set(peppers, (this.under.get(peppers) ?? 0) + 1)
    if (digested === undefined || peppers === '') return
    this.tenants.add(digested.tenantId)
    this.versions.add(mapVersion)
  }

  /** Who can be found with these peppers; of the others nothing is left that could be matched. */
  counts(peppers: readonly { readonly version: string }[]): {
    readonly sought: number
    readonly lost: number
  } {
    let [sought, lost] = [0, 0]
    for (const [key, many] of this.under) {
      const versions = key.split(' ')
      if (peppers.some(({ version }) => versions.includes(version))) sought += many
      else lost += many
    }
    return { sought, lost }
  }
}
