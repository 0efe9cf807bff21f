import { type MouseEvent, type ReactNode, useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
/** Whether the page came by a step in the console; the first page of a document did not. */
let stepped = false
export const cameByStep = (): boolean => stepped

const changed = () => {
  stepped = true
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener('popstate', changed)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) window.removeEventListener('popstate', changed)
  }
}

export const usePath = (): string => useSyncExternalStore(subscribe, () => window.location.pathname)
export const useSearch = (): string => useSyncExternalStore(subscribe, () => window.location.search)

/** @param to an address of this console. `replace` leaves no step back: for a filter that is being typed. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, '', to)
  else window.history.pushState(null, '', to)
  changed()
}

/** A real link, so that it opens in another tab, can be copied and is told to who can't see it. */
export function Link({
  to,
  children,
  className,
  current,
}: {
  to: string
  children: ReactNode
  className?: string
  current?: boolean
}) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(to)
  }
  return (
    <a href={to} onClick={follow} className={className} aria-current={current ? 'page' : undefined}>
      {children}
    </a>
  )
}
