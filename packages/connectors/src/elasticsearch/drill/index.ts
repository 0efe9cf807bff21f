import { rm } from 'node:fs/promises'
import { type DrillSession, type Identifier, type MadeBackup, TerminalError } from '@lethe/eraser-kit'
import { clearAll } from '../../drill-tools/clear-all.js'
import { guarded } from '../errors.js'
import { RECEIPTS } from '../ledger.js'
import { elasticsearchOptions } from '../options.js'
import { named } from '../prepare.js'
import { Store } from '../store.js'
import { indicesOf, jobsOf, lookAtIndices } from '../targets.js'
import { countOf, type ElasticsearchDrill, madeUpPerson, type Planted, plant } from './person.js'
import {
  assertRepository,
  clusterId,
  dropMarked,
  dropSnapshot,
  markOf,
  restoreMarked,
  type SnapshotName,
  takeSnapshot,
} from './snapshot.js'

/**
 * A drill with a snapshot of the map's indices and a cluster of its own, which reads the same repository. On the cluster
 * in use a copy would be seen by every probe, and whoever is in it would count as not erased.
 */
export async function openDrill(context: ElasticsearchDrill): Promise<DrillSession> {
  return new ElasticsearchDrilling(context)
}

interface Scratch {
  /** Without what is only for drills. */
  readonly url: string
  readonly name: SnapshotName
}

class ElasticsearchDrilling implements DrillSession {
  private planted: readonly Planted[] = []
  private readonly mark: number

  constructor(private readonly drill: ElasticsearchDrill) {
    this.mark = markOf(drill.systemId, drill.drillId)
  }

  async check(tenantId: string): Promise<Readonly<Record<string, string>>> {
    const { url, name } = this.scratch()
    return this.inUse('see whether a drill could be done', (store) =>
      this.at(url, async (scratch) => {
        if ((await clusterId(store)) === (await clusterId(scratch)))
          throw new TerminalError(
            'scratch_in_use',
            'The scratch cluster is the cluster in use: a copy there would be found by every probe. Give another one.',
          )
        await assertRepository(store, name.repository, 'in use')
        await assertRepository(scratch, name.repository, 'scratch')
        await this.assertEmpty(scratch, [...this.mapped(), ...(await this.indices(store))])
        await this.person(store, tenantId)
        return { store: store.version, scratch: scratch.version }
      }),
    )
  }

  plant(
    tenantId: string,
    known: (identifiers: readonly Identifier[]) => Promise<void>,
    same?: readonly Identifier[],
  ): Promise<void> {
    return this.inUse('put the person of the drill in', async (store) => {
      const { identifiers, documents } = await this.person(store, tenantId, same)
      await known(identifiers)
      this.planted = documents
      for (const one of documents) await plant(store, one)
    })
  }

  async backUp(signal: AbortSignal): Promise<MadeBackup> {
    const { name } = this.scratch()
    const takenAt = Date.now()
    const made = await unlessStopped(signal, () =>
      this.inUse('take a snapshot', async (store) =>
        takeSnapshot(store, name, await this.indices(store), signal),
      ),
    )
    return { takenAt, ...made }
  }

  async restore(signal: AbortSignal): Promise<string> {
    const { url, name } = this.scratch()
    await unlessStopped(signal, () =>
      guarded('restore a snapshot', () =>
        this.at(url, (scratch) => restoreMarked(scratch, name, this.mark, signal)),
      ),
    )
    return url
  }

  count(copy: string): Promise<number> {
    return guarded('look for the person of the drill', () =>
      this.at(copy, (scratch) => countOf(scratch, this.planted)),
    )
  }

  /** The copy first: it may still be reading the snapshot. */
  clear(): Promise<void> {
    const parts: (() => Promise<unknown>)[] = [() => rm(this.drill.folder, { recursive: true, force: true })]
    const made = this.configured()
    if (made !== null) {
      const { url, name } = made
      parts.push(
        () => guarded('drop the copy', () => this.at(url, (store) => dropMarked(store, this.mark))),
        () => this.inUse('delete the snapshot', (store) => dropSnapshot(store, name)),
      )
    }
    return clearAll(parts)
  }

  async close(): Promise<void> {}

  private async person(store: Store, tenantId: string, same?: readonly Identifier[]) {
    const person = await madeUpPerson(store, this.drill, tenantId, same)
    if ((await countOf(store, person.documents)) > 0)
      throw new TerminalError(
        'drill_not_alone',
        'Documents of the made-up person are there already: drill again.',
      )
    return person
  }

  /** Names of the map that stand for one index each. */
  private mapped(): string[] {
    return jobsOf(this.drill.system).flatMap(({ name }) => (name.tenanted ? [] : [name.text]))
  }

  /** Every index of the map, and Lethe's own: what a backup of this system is. */
  private async indices(store: Store): Promise<string[]> {
    const found = new Set<string>()
    for (const { name } of jobsOf(this.drill.system))
      for (const index of (await indicesOf(store, name)).keys()) found.add(index)
    for (const index of (await lookAtIndices(store, [RECEIPTS])).get(RECEIPTS)?.keys() ?? []) found.add(index)
    return [...found].sort()
  }

  private async assertEmpty(scratch: Store, names: readonly string[]): Promise<void> {
    const standing = [...(await lookAtIndices(scratch, [...new Set(names)])).keys()].sort()
    if (standing.length === 0) return
    throw new TerminalError(
      'scratch_not_empty',
      `The scratch cluster already has ${standing.join(', ')}: a drill restores there under the names of the cluster in use. Delete them, if nobody needs them, or give another cluster.`,
    )
  }

  /** @throws TerminalError when no scratch cluster is configured as it must be */
  private scratch(): Scratch {
    const configured = this.configured()
    if (configured === null)
      throw new TerminalError(
        'scratch_missing',
        'Set <connection>_SCRATCH to a cluster of its own, where copies may be made, and to the snapshot repository both know: https://user:password@host:9200?repository=backups.',
      )
    named('repository', configured.name.repository)
    return configured
  }

  private configured(): Scratch | null {
    const { scratch, drillId } = this.drill
    const parsed = elasticsearchOptions.safeParse(scratch)
    if (!parsed.success) return null
    const url = new URL(parsed.data.url)
    const repository = url.searchParams.get('repository')
    if (repository === null) return null
    url.search = ''
    return { url: url.href, name: { repository, snapshot: `lethe-drill-${drillId.toLowerCase()}` } }
  }

  private inUse<T>(doing: string, work: (store: Store) => Promise<T>): Promise<T> {
    return guarded(doing, () => this.at(this.drill.options.url, work))
  }

  private async at<T>(url: string, work: (store: Store) => Promise<T>): Promise<T> {
    const store = await Store.open(elasticsearchOptions.parse(url), this.drill.system.flavour)
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }
}

/** What a call says that was ended is not why it ended. */
async function unlessStopped<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
