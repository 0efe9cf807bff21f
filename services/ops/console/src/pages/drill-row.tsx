import type { Drill } from '../../../src/adapters/http/answer-types.js'
import { Badge, Moment } from '../parts/known.js'
import { Link } from '../router.js'
import { drillSaw, lengths } from '../view/drills.js'
import { bytes, plain, type Tone } from '../view/words.js'

const tones: Readonly<Record<string, Tone>> = { passed: 'good', failed: 'bad', proves_nothing: 'warn' }

/** One drill: while it is under way its phase, afterwards what it came to and what it saw. */
export function DrillRow({ one }: { one: Drill }) {
  return (
    <tr data-drill={one.drillId} data-verdict={one.verdict ?? 'under way'}>
      <th scope="row">{one.systemId}</th>
      <td>
        <Moment at={one.startedAt} />
      </td>
      <td data-phase={one.phase}>
        <Moment at={one.finishedAt} none={plain(one.phase)} />
      </td>
      <td>
        {one.verdict === null ? (
          <Badge tone="busy">under way</Badge>
        ) : (
          <Badge tone={tones[one.verdict] ?? 'quiet'}>{plain(one.verdict)}</Badge>
        )}
        {one.intact === false && <Badge tone="bad">its record was changed</Badge>}
      </td>
      <td>{one.reasons.map(({ detail }) => detail).join(' ') || 'nothing to say'}</td>
      <td data-evidence>
        <Evidence of={one.evidence} intact={one.intact} />
      </td>
    </tr>
  )
}

/** What whoever asks for a proof is shown: counts, lengths and hashes, nobody's name. */
function Evidence({ of, intact }: { of: Drill['evidence']; intact: boolean | null }) {
  if (of === null) return <span className="faint">none yet</span>
  const { backup, requestId } = of
  return (
    <details>
      <summary>{drillSaw(of)}</summary>
      <ul>
        {backup !== null && (
          <li>
            Backup of <Moment at={backup.takenAt} />, {bytes(backup.bytes)}, SHA-256{' '}
            <code>{backup.sha256}</code>
          </li>
        )}
        {requestId !== null && (
          <li>
            The made-up person was erased by <Link to={`/requests/${requestId}`}>{requestId}</Link>
          </li>
        )}
        <li>{lengths(of.durations)}</li>
        <li>{intact === true ? 'The record is as it was written.' : 'Nobody vouches for the record.'}</li>
      </ul>
    </details>
  )
}
