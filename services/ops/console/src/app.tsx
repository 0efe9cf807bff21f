import { useEffect, useState, useSyncExternalStore } from 'react'
import { Connection } from './live/connection.js'
import { Feed } from './live/feed.js'
import { FeedContext } from './live/hooks.js'
import { onSession, session } from './live/session.js'
import { Sharing } from './live/sharing.js'
import { signOut, watchSession } from './live/signing.js'
import { AtRisk } from './pages/at-risk.js'
import { BulkJobPage, BulkJobsPage } from './pages/bulk.js'
import { DataMap } from './pages/data-map.js'
import { DeadLetters } from './pages/dead-letters.js'
import { Erasers } from './pages/erasers.js'
import { Gates } from './pages/gates.js'
import { Lag } from './pages/lag.js'
import { Overview } from './pages/overview.js'
import { Request } from './pages/request.js'
import { Requests } from './pages/requests.js'
import { Restores } from './pages/restores.js'
import { SignIn } from './pages/sign-in.js'
import { Verification } from './pages/verification.js'
import { Where } from './pages/where.js'
import { LiveMark } from './parts/live-mark.js'
import { Page } from './parts/page.js'
import { Link, usePath } from './router.js'
import { type Route, routeOf } from './view/links.js'

export function App() {
  const { who, ended } = useSyncExternalStore(onSession, session)
  useEffect(watchSession, [])
  if (who === undefined) return <p className="faint">Asking who is signed in …</p>
  return who === null ? <SignIn ended={ended} /> : <SignedIn key={who.tabs} tabs={who.tabs} />
}

/** One feed per session: another credential sees other requests. Its tabs share one connection. */
function SignedIn({ tabs }: { tabs: string | null }) {
  const [feed, setFeed] = useState<Feed | null>(null)
  useEffect(() => {
    const made = new Feed()
    const sharing = new Sharing(tabs, made, (listener, stopped) => new Connection(listener, stopped).run())
    setFeed(made)
    sharing.start()
    return () => sharing.stop()
  }, [tabs])
  if (feed === null) return null
  return (
    <FeedContext value={feed}>
      <Frame />
    </FeedContext>
  )
}

const places = [
  ['/', 'Overview', 'overview'],
  ['/lag', 'Lag', 'lag'],
  ['/at-risk', 'At risk', 'at-risk'],
  ['/requests', 'Requests', 'requests'],
  ['/verification', 'Verification', 'verification'],
  ['/where', 'Where', 'where'],
  ['/erasers', 'Erasers', 'erasers'],
  ['/restores', 'Restores', 'restores'],
  ['/data-map', 'Data map', 'data-map'],
  ['/dead-letters', 'Dead letters', 'dead-letters'],
] as const

/** Pages that are shown under another one's name in the menu. */
const section: Readonly<Record<string, string>> = {
  request: 'requests',
  bulk: 'requests',
  'bulk-job': 'requests',
  gates: 'restores',
}

function Frame() {
  const route = routeOf(usePath())
  const here = section[route.page] ?? route.page
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <p className="brand">Lethe</p>
        <nav aria-label="Pages">
          <ul>
            {places.map(([to, name, page]) => (
              <li key={to}>
                <Link to={to} current={page === here}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <LiveMark />
        <Who />
      </header>
      <main id="main">
        <Shown route={route} />
      </main>
    </>
  )
}

/** Who is signed in, and the way out. */
function Who() {
  const { who } = useSyncExternalStore(onSession, session)
  const [problem, setProblem] = useState<string | null>(null)
  const leave = () => signOut().catch((error: Error) => setProblem(error.message))
  return (
    <p className="who">
      <span className="faint">{who?.credentialId}</span>{' '}
      <button type="button" onClick={leave}>
        Sign out
      </button>
      {problem !== null && (
        <span className="notice bad" role="alert">
          {problem}
        </span>
      )}
    </p>
  )
}

function Shown({ route }: { route: Route }) {
  switch (route.page) {
    case 'overview':
      return <Overview />
    case 'lag':
      return <Lag />
    case 'at-risk':
      return <AtRisk />
    case 'erasers':
      return <Erasers />
    case 'gates':
      return <Gates />
    case 'restores':
      return <Restores />
    case 'dead-letters':
      return <DeadLetters />
    case 'verification':
      return <Verification />
    case 'where':
      return <Where />
    case 'data-map':
      return <DataMap />
    case 'requests':
      return <Requests />
    case 'request':
      return <Request key={route.requestId} requestId={route.requestId} />
    case 'bulk':
      return <BulkJobsPage />
    case 'bulk-job':
      return <BulkJobPage key={route.jobId} jobId={route.jobId} />
    case 'unknown':
      return (
        <Page title="No such page">
          <p>
            Nothing is shown at this address. <Link to="/">Go to the overview</Link>.
          </p>
        </Page>
      )
    default:
      return route satisfies never
  }
}
