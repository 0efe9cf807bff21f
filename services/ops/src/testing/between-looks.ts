/** How far a group is in one partition. */
export interface Place {
  readonly partition: number | null
  readonly committed: number | null
  readonly end: number | null
}

/** Of what the tool told, that which was not between the two looks around it. */
export const outside = (before: readonly Place[], told: readonly Place[], after: readonly Place[]): Place[] =>
  told.filter(({ partition, committed, end }) => {
    const [low, high] = [before, after].map((view) => view.find((one) => one.partition === partition))
    const within = (name: 'committed' | 'end', value: number | null) =>
      (low?.[name] ?? 0) <= (value ?? 0) && (value ?? 0) <= (high?.[name] ?? 0)
    return !within('committed', committed) || !within('end', end)
  })
