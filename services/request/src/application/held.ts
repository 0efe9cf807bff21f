import type { Identifier, Subject } from '../domain/identifier.js'
import type { DataMaps } from './data-maps.js'
import type { CollectionCounts, ProbeClient } from './identity.js'

/** Counts per collection of what is held about one person. */
export type HeldCounts = Readonly<Record<string, CollectionCounts>>

/** What the systems hold about one person; reads only. */
export class Held {
  constructor(
    private readonly maps: Pick<DataMaps, 'neededBy'>,
    private readonly probes: Pick<ProbeClient, 'preview'>,
  ) {}

  /** The counts of every system that answers; one that does not is absent. */
  async count(
    systemIds: readonly string[],
    subject: Subject,
    identifiers: readonly Identifier[],
  ): Promise<ReadonlyMap<string, HeldCounts>> {
    const counted = await Promise.all(
      systemIds.map(async (systemId) => {
        const needed = { ...subject, identifiers: this.maps.neededBy(systemId, identifiers) }
        const [counts] = await this.probes.preview(systemId, [needed]).catch(() => [])
        return counts === undefined ? [] : [[systemId, counts] as const]
      }),
    )
    return new Map(counted.flat())
  }
}

export const foundIn = (counts: HeldCounts = {}): number =>
  Object.values(counts).reduce((sum, one) => sum + one.found, 0)
