import { describe, expect, it } from 'vitest'
import { AtOnce } from './at-once.js'

function held() {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((...given) => {
    ;[resolve, reject] = given
  })
  return { work: () => promise, resolve, reject }
}

describe('work that is done at once', () => {
  it('is begun up to a bound, and waited for', async () => {
    const some = [held(), held(), held()]
    const [one, two, three] = some as [(typeof some)[0], (typeof some)[0], (typeof some)[0]]
    const atOnce = new AtOnce(2)
    const begun: number[] = []
    const add = (n: number) =>
      atOnce.add(() => {
        begun.push(n)
        return (some[n] as (typeof some)[0]).work()
      })
    await add(0)
    await add(1)
    const third = add(2)
    await Promise.resolve()
    expect(begun).toEqual([0, 1])
    two.resolve()
    await third
    expect(begun).toEqual([0, 1, 2])
    one.resolve()
    three.resolve()
    await atOnce.all()
  })

  it('tells whoever comes next that some of it failed, and begins nothing more', async () => {
    const [one, two] = [held(), held()]
    const atOnce = new AtOnce(2)
    await atOnce.add(one.work)
    await atOnce.add(two.work)
    two.reject(new Error('failed'))
    const begun: string[] = []
    await expect(atOnce.add(async () => void begun.push('third'))).rejects.toThrow('failed')
    expect(begun).toEqual([])
    one.resolve()
    await expect(atOnce.all()).rejects.toThrow('failed')
  })
})
