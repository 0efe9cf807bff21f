import { describe, expect, it } from 'vitest'
import type { LagView } from './lag.js'
import { withLetters } from './lag-letters.js'

const lag = {
  groups: [
    { group: 'eraser.cache', unknown: {} },
    { group: 'aggregator', unknown: {} },
  ],
  partitions: [
    { group: 'eraser.cache', topic: 'erasure.requested', partition: 0, unknown: {} },
    { group: 'eraser.cache', topic: 'erasure.requested', partition: 1, unknown: { lag: 'topic_missing' } },
  ],
} as unknown as LagView
const letter = { group: 'eraser.cache', topic: 'erasure.requested', partition: 1 }

describe('the depth of the dead letters', () => {
  it('stands beside the lag of the group and of the partition that set them aside', () => {
    const shown = withLetters(lag, { items: [letter, letter] as never, unknown: null })
    expect(shown.groups.map(({ deadLetters }) => deadLetters)).toEqual([2, 0])
    expect(shown.partitions.map(({ deadLetters }) => deadLetters)).toEqual([0, 2])
  })

  it('is unknown with its reason, never 0, while Kafka can not be asked', () => {
    const shown = withLetters(lag, { items: null, unknown: 'kafka_unreachable' })
    for (const one of [...shown.groups, ...shown.partitions])
      expect(one).toMatchObject({ deadLetters: null, unknown: { deadLetters: 'kafka_unreachable' } })
    expect(shown.partitions[1]?.unknown).toMatchObject({ lag: 'topic_missing' })
  })
})
