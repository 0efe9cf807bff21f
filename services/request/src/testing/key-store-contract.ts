import fs, { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DurableFiles, type FileCalls } from '../vault/durable-files.js'
import type { KeyStore } from '../vault/key-store.js'

export interface StoreUnderTest {
  /** Everything the adapter keeps is below it. */
  readonly folder: string
  /** Another process of the same store. */
  open(files?: DurableFiles): KeyStore
  /** How a secret looks on the disk, from the store that still has it. */
  traces(name: string): readonly Buffer[]
}

class Crash extends Error {}

/** The file system of a process that dies just before its `n`-th call. */
function dyingAt(n: number): { files: DurableFiles; calls: () => number } {
  let made = 0
  const dying = (name: keyof FileCalls) =>
    ((...args: never[]) => {
      // The dead close their files, and do nothing else.
      if (name !== 'closeSync' && ++made >= n) throw new Crash()
      return (fs[name] as (...given: never[]) => unknown)(...args)
    }) as never
  const calls: FileCalls = {
    openSync: dying('openSync'),
    closeSync: dying('closeSync'),
    fsyncSync: dying('fsyncSync'),
    writeSync: dying('writeSync'),
    renameSync: dying('renameSync'),
    linkSync: dying('linkSync'),
    rmSync: dying('rmSync'),
    fstatSync: dying('fstatSync'),
  }
  return { files: new DurableFiles(calls), calls: () => made }
}

const moreThanAnyChange = 100

/** What every adapter of `KeyStore` promises; `make` gives a store with the epoch `first` in an empty folder. */
export function keyStoreContract(kind: string, make: (folder: string) => StoreUnderTest): void {
  describe(`${kind} as a key store`, () => {
    let folder: string
    let under: StoreUnderTest
    const fresh = (): void => {
      folder = mkdtempSync(join(tmpdir(), 'lethe-keys-'))
      under = make(folder)
    }
    beforeEach(fresh)
    afterEach(() => rmSync(folder, { recursive: true }))

    it('makes secrets of 32 bytes that stay the same for every process and after a restart', () => {
      const store = under.open()
      store.create('second')
      store.create('pepper-v2')
      const secret = store.find('second')
      expect(secret).toHaveLength(32)
      expect(under.open().find('second')).toEqual(secret)
      store.create('second')
      expect(store.find('second')).toEqual(secret)
      expect([...store.names()].sort()).toEqual(['first', 'pepper-v2', 'second'])
      expect(store.find('pepper-v2')).not.toEqual(secret)
    })

    it('finds what another process made a moment ago', () => {
      const [one, other] = [under.open(), under.open()]
      one.create('second')
      expect(other.find('second')).toEqual(one.find('second'))
    })

    it('destroys one secret and no other, for every process that looks again, leaving no byte of it behind', () => {
      const [store, other] = [under.open(), under.open()]
      store.create('second')
      const traces = under.traces('first')
      expect(traces.every((trace) => onDisk(under.folder, trace))).toBe(true)
      const kept = store.find('second')
      store.destroy('first')
      store.destroy('first')
      expect(store.find('first')).toBeNull()
      other.refresh()
      expect(other.find('first')).toBeNull()
      expect(under.open().names()).toEqual(['second'])
      expect(under.open().find('second')).toEqual(kept)
      expect(traces.some((trace) => onDisk(under.folder, trace))).toBe(false)
    })

    it.each(['', '../first', 'a/b', '.hidden', 'x'.repeat(65)])(
      'refuses to make a secret called %j',
      (name) => {
        const store = under.open()
        expect(() => store.create(name)).toThrow(/can not be called/)
        expect(store.names()).toEqual(['first'])
      },
    )

    it('survives a crash at any call of a destruction: the rest is readable, and a rerun leaves nothing', () => {
      for (let at = 1; ; at++) {
        const before = under.open()
        before.create('second')
        const [kept, traces] = [before.find('second'), under.traces('first')]
        const { files, calls } = dyingAt(at)
        const crashed = crashes(() => under.open(files).destroy('first'))
        expect(under.open().find('second'), `at call ${at}`).toEqual(kept)
        const rerun = under.open()
        rerun.recover()
        rerun.destroy('first')
        expect(under.open().names(), `at call ${at}`).toEqual(['second'])
        expect(under.open().find('second')).toEqual(kept)
        expect(
          traces.some((trace) => onDisk(under.folder, trace)),
          `at call ${at}`,
        ).toBe(false)
        rmSync(folder, { recursive: true })
        fresh()
        if (!crashed) {
          expect(calls()).toBeGreaterThan(5)
          return
        }
        expect(at).toBeLessThan(moreThanAnyChange)
      }
    })

    it('survives a crash at any call of a creation: what was there is readable, and a rerun makes it', () => {
      for (let at = 1; ; at++) {
        const first = under.open().find('first')
        const { files } = dyingAt(at)
        const crashed = crashes(() => under.open(files).create('second'))
        expect(under.open().find('first'), `at call ${at}`).toEqual(first)
        const rerun = under.open()
        rerun.recover()
        rerun.create('second')
        const made = under.open()
        expect(made.find('first')).toEqual(first)
        expect(made.find('second')).toHaveLength(32)
        expect(leftovers(under.folder), `at call ${at}`).toEqual([])
        rmSync(folder, { recursive: true })
        fresh()
        if (!crashed) return
        expect(at).toBeLessThan(moreThanAnyChange)
      }
    })
  })
}

function crashes(work: () => void): boolean {
  try {
    work()
    return false
  } catch (error) {
    if (error instanceof Crash) return true
    throw error
  }
}

/** Whether any file below the folder holds these bytes. */
export const onDisk = (folder: string, bytes: Buffer): boolean =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(bytes),
  )

const leftovers = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.(new|shred)$/.test(name))
