import { describe, expect, it, vi } from 'vitest'
import { lookAtSelf } from './compare.js'
import { SelfWatch } from './self-watch.js'

vi.mock('./compare.js', () => ({ lookAtSelf: vi.fn() }))

describe('the watch over Lethe’s own database', () => {
  it('lets every answer wait for the look that is under way, the first one and any after a suspicion', async () => {
    const ends: (() => void)[] = []
    vi.mocked(lookAtSelf).mockImplementation(
      () => new Promise((resolve) => ends.push(() => resolve({ is: 'unguarded' }))),
    )
    const watch = new SelfWatch({ pgUrl: 'postgres://127.0.0.1:1/none', place: { file: 'f', secret: 's' } })
    const end = () => ends.shift()?.()
    const first = watch.blocked()
    const second = watch.blocked()
    end()
    expect(await Promise.all([first, second])).toEqual([null, null])
    expect(await watch.blocked()).toBeNull()
    watch.suspect()
    const after = watch.blocked()
    const during = watch.blocked()
    watch.suspect()
    end()
    await vi.waitFor(() => expect(ends).toHaveLength(1))
    end()
    expect(await Promise.all([after, during])).toEqual([null, null])
    expect(lookAtSelf).toHaveBeenCalledTimes(3)
    await watch.close()
  })
})
