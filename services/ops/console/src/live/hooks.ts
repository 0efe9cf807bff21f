import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import type { Feed, FeedState } from './feed.js'
import { type Answer, GAP_MS, Loader } from './loader.js'

export const FeedContext = createContext<Feed | null>(null)

export function useFeed(): Feed {
  const feed = useContext(FeedContext)
  if (feed === null) throw new Error('There is no feed around this component.')
  return feed
}

/** A part of what the feed knows; renders again only when that part changes. */
export function useLive<T>(part: (state: FeedState) => T): T {
  const feed = useFeed()
  return useSyncExternalStore(feed.subscribe, () => part(feed.snapshot()))
}

/** The last version of one request that the feed told; grows while it changes. */
export function useVersion(requestId: string): number {
  const feed = useFeed()
  return useSyncExternalStore(feed.subscribe, () => feed.versionOf(requestId))
}

/**
 * What an address of the API answers, asked again when one of `ticks` changes. Of a new address nothing is shown
 * before it has answered. @param gapMs the least time between an answer and the next question
 */
export function useAnswer<T>(path: string, ticks: readonly number[], gapMs: number = GAP_MS.list): Answer<T> {
  const resets = useLive((state) => state.resets)
  const [held, setHeld] = useState<{ path: string; answer: Answer<T> } | null>(null)
  const [loader, setLoader] = useState<Loader<T> | null>(null)
  const tick = [resets, ...ticks].join(' ')
  useEffect(() => {
    const made = new Loader<T>(path, (answer) => setHeld({ path, answer }), gapMs)
    setLoader(made)
    return () => made.stop()
  }, [path, gapMs])
  useEffect(() => {
    // `tick` is what this waits for.
    void tick
    loader?.ask()
  }, [loader, tick])
  return held?.path === path ? held.answer : { value: null, error: null, at: null }
}

const seconds = {
  now: Date.now(),
  listeners: new Set<() => void>(),
  timer: undefined as ReturnType<typeof setInterval> | undefined,
}

function everySecond(listener: () => void): () => void {
  seconds.listeners.add(listener)
  if (seconds.timer === undefined) {
    seconds.now = Date.now()
    seconds.timer = setInterval(() => {
      seconds.now = Date.now()
      for (const one of seconds.listeners) one()
    }, 1_000)
  }
  return () => {
    seconds.listeners.delete(listener)
    if (seconds.listeners.size > 0) return
    clearInterval(seconds.timer)
    seconds.timer = undefined
  }
}

/** Now, to the second; renders again every second. */
export const useNow = (): number => useSyncExternalStore(everySecond, () => seconds.now)
