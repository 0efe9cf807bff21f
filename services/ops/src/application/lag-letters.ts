import type { DeadLettersView } from './dead-letters.js'
import type { GroupView, LagView, PartitionView } from './lag.js'

/** How many messages this one has set aside and nobody sent again; null while that is not known. */
interface Depth {
  readonly deadLetters: number | null
}

export interface LagWithLetters extends Omit<LagView, 'groups' | 'partitions'> {
  readonly groups: readonly (GroupView & Depth)[]
  readonly partitions: readonly (PartitionView & Depth)[]
}

type Letters = NonNullable<DeadLettersView['items']>

/** Puts the depth of the dead letters beside the lag of whoever set them aside. */
export function withLetters(lag: LagView, { items, unknown }: DeadLettersView): LagWithLetters {
  const counted = <Row extends { readonly unknown: object }>(
    row: Row,
    fits: (letter: Letters[number]) => boolean,
  ) => {
    if (items !== null) return { ...row, deadLetters: items.filter(fits).length }
    return { ...row, deadLetters: null, unknown: { ...row.unknown, deadLetters: unknown } }
  }
  return {
    ...lag,
    groups: lag.groups.map((one) => counted(one, ({ group }) => group === one.group)),
    partitions: lag.partitions.map((one) =>
      counted(
        one,
        ({ group, topic, partition }) =>
          group === one.group && topic === one.topic && partition === one.partition,
      ),
    ),
  }
}
