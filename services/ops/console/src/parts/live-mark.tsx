import { useLive, useNow } from '../live/hooks.js'
import { type Freshness, freshness } from '../view/freshness.js'
import { absolute } from '../view/time.js'
import type { Tone } from '../view/words.js'
import { Badge } from './known.js'

const words: Readonly<Record<Freshness['kind'], readonly [Tone, string]>> = {
  connecting: ['busy', 'connecting'],
  live: ['good', 'live'],
  polling: ['warn', 'by asking every 5 s'],
  stale: ['bad', 'stale'],
}

/** Whether what is shown is true now. Told aloud when it changes. */
export function LiveMark() {
  const transport = useLive((state) => state.transport)
  const at = useLive((state) => state.at)
  const now = useNow()
  const found = freshness({ transport, at }, Math.max(now, at ?? 0))
  const [tone, text] = words[found.kind]
  return (
    <p className="live" role="status" data-freshness={found.kind}>
      <Badge tone={tone}>{text}</Badge>
      {found.kind === 'stale' && <> since {found.since === null ? 'the start' : absolute(found.since)}</>}
    </p>
  )
}
