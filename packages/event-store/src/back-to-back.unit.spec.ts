import { describe, expect, it } from 'vitest'
import { backToBack } from './back-to-back.js'

const failed = (code: string) => Object.assign(new Error(code), { code })

describe('statements sent back to back', () => {
  it.each([true, false])('answer in their order, pipelined or not (%s)', async (pipeline) => {
    expect(await backToBack({ pipeline }, [async () => 1, async () => 'two'])).toEqual([1, 'two'])
  })

  it('are all out before the first answer where the connection pipelines, and not where it does not', async () => {
    for (const pipeline of [true, false]) {
      let sent = 0
      const send = async () => {
        sent++
        await new Promise((resolve) => setImmediate(resolve))
        return sent
      }
      expect(await backToBack({ pipeline }, [send, send])).toEqual(pipeline ? [2, 2] : [1, 2])
    }
  })

  it('fail with the cause, after every statement was answered', async () => {
    let answered = false
    const late = async () => {
      await new Promise((resolve) => setImmediate(resolve))
      answered = true
    }
    const wanted = backToBack({ pipeline: true }, [
      () => Promise.reject(failed('25P02')),
      () => Promise.reject(failed('40P01')),
      late,
    ])
    await expect(wanted).rejects.toMatchObject({ code: '40P01' })
    expect(answered).toBe(true)
  })
})
