import { type ReactNode, useEffect, useRef } from 'react'
import type { Answer } from '../live/loader.js'
import { cameByStep } from '../router.js'
import { Moment } from './known.js'

/** A page's heading, which takes the focus after a step to another page, and its title in the browser. */
export function Page({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Lethe operations`
    // A document that was just loaded begins at its top, with the way past the menu.
    if (!cameByStep()) return
    heading.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [title])
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {lead && <p className="lead">{lead}</p>}
      {children}
    </>
  )
}

/** What was answered, or that nothing was yet, or why nothing is; an old answer stays, and says how old it is. */
export function Answered<T>({ answer, children }: { answer: Answer<T>; children: (value: T) => ReactNode }) {
  const { value, error, at } = answer
  return (
    <>
      {error && (
        <p className="notice bad" role="alert">
          <strong>Not up to date.</strong> {error.message}
          {at !== null && (
            <>
              {' '}
              What is shown is of <Moment at={at} />.
            </>
          )}
        </p>
      )}
      {value === null ? error === null && <p className="faint">Asking …</p> : children(value)}
    </>
  )
}
