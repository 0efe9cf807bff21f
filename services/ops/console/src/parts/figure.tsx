import type { Figure as Figures } from '../../../src/adapters/http/answer-types.js'
import { Link } from '../router.js'
import { pageOf } from '../view/links.js'
import { grouped, reason, signOf, type Tone } from '../view/words.js'

/** A number that leads to the list behind it. */
export function Figure({ label, figure, tone }: { label: string; figure: Figures; tone: Tone }) {
  const { value, atLeast, unknown, href } = figure
  const shown: Tone = value === null ? 'warn' : value === 0 ? 'quiet' : tone
  return (
    <li className={`figure ${shown}`}>
      <Link to={pageOf(href)}>
        <span className="value">
          {value === null ? 'unknown' : `${atLeast ? 'at least ' : ''}${grouped(value)}`}
        </span>
        <span className="label">
          <span aria-hidden="true">{shown === 'quiet' ? '' : `${signOf(shown)} `}</span>
          {label}
          {value === null && `: ${reason(unknown ?? undefined)}`}
        </span>
      </Link>
    </li>
  )
}
