import { useEffect, useState, useSyncExternalStore } from 'react'
import { Feed } from './live/feed.js'
import { FeedContext } from './live/hooks.js'
import { onSession, session, signOut } from './live/session.js'
import { AtRisk } from './pages/at-risk.js'
import { DeadLetters } from './pages/dead-letters.js'
import { Erasers } from './pages/erasers.js'
import { Gates } from './pages/gates.js'
import { Lag } from './pages/lag.js'
import { Overview } from './pages/overview.js'
import { Request } from './pages/request.js'
import { Requests } from './pages/requests.js'
import { SignIn } from './pages/sign-in.js'
import { LiveMark } from './parts/live-mark.js'
import { Page } from './parts/page.js'
import { Link, usePath } from './router.js'
import { type Route, routeOf } from './view/links.js'

export function App() {
  const { token, ended } = useSyncExternalStore(onSession, session)
  return token === null ? <SignIn ended={ended} /> : <SignedIn key={token} token={token} />
}

/** One feed per session: another credential sees other requests. */
function SignedIn({ token }: { token: string }) {
  const [feed, setFeed] = useState<Feed | null>(null)
  useEffect(() => {
    const made = new Feed(token)
    setFeed(made)
    made.start()
    return () => made.stop()
  }, [token])
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
  ['/erasers', 'Erasers', 'erasers'],
  ['/gates', 'Gates', 'gates'],
  ['/dead-letters', 'Dead letters', 'dead-letters'],
] as const

function Frame() {
  const route = routeOf(usePath())
  const here = route.page === 'request' ? 'requests' : route.page
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
        <button type="button" className="plain" onClick={() => signOut('signed out')}>
          Sign out
        </button>
      </header>
      <main id="main">
        <Shown route={route} />
      </main>
    </>
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
    case 'dead-letters':
      return <DeadLetters />
    case 'requests':
      return <Requests />
    case 'request':
      return <Request key={route.requestId} requestId={route.requestId} />
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
